"""What a face looks like, in a few hundred numbers: enough to tell the people of one call apart."""

import cv2
import numpy as np
import numpy.typing as npt

from models.common.stored_graph import F32
from models.faces.mesh import Mesh

U8 = npt.NDArray[np.uint8]

SIDE = 64  # pixels of the aligned crop
CELL = 8
BINS = 8
EYE_Y = 0.42  # the eyes' height in the crop: below them it ends over the upper lip, so talking changes little
EYE_SPAN = 0.42  # distance of the eyes in the crop
COLOUR_WEIGHT = 0.5  # of the whole; the rest is edges
SAME = 0.7  # similarity from which two signatures are taken for one person
GALLERY = 6


def signature(rgb: U8, mesh: Mesh) -> F32:
    """Appearance of the upper face: edge directions and colours, whatever its place, size, roll and light.

    Args:
        rgb: uint8 (H, W, 3).
        mesh: the face in it.

    Returns:
        float32 (N,); compare with `similarity`.
    """
    crop = _aligned(rgb, mesh)
    return np.concatenate([_edges(crop), _colours(crop)])


def similarity(a: F32, b: F32) -> float:
    """How alike two signatures are, at most 1."""
    split = (SIDE // CELL) ** 2 * BINS
    edges = float(a[:split] @ b[:split])
    # 20 Lab units apart on average is another person (or another room).
    colour = float(np.exp(-np.mean(np.square((a[split:] - b[split:]) / 20))))
    return (1 - COLOUR_WEIGHT) * edges + COLOUR_WEIGHT * colour


class Gallery:
    """The last few unlike signatures of one face."""

    def __init__(self) -> None:
        self._kept: list[F32] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, one: F32) -> None:
        """Remember a signature; one much like a kept one is blended with it."""
        alike = [similarity(kept, one) for kept in self._kept]
        if alike and (max(alike) > 0.93 or len(alike) >= GALLERY):
            nearest = int(np.argmax(alike))
            self._kept[nearest] = 0.8 * self._kept[nearest] + np.float32(0.2) * one
        else:
            self._kept.append(one)

    def likeness(self, one: F32) -> float:
        """Best similarity with a kept signature, at most 1; 0 when nothing is kept."""
        return max((similarity(kept, one) for kept in self._kept), default=0.0)


def _aligned(rgb: U8, mesh: Mesh) -> U8:
    eyes = mesh.eyes[:, :2].astype(np.float64)
    scale = max(mesh.eye_distance, 1e-3) / (EYE_SPAN * SIDE)
    c, s = np.cos(mesh.angle) * scale, np.sin(mesh.angle) * scale
    turn = np.array([[c, -s], [s, c]])
    offset = eyes.mean(axis=0) - turn @ np.array([SIDE / 2, EYE_Y * SIDE])
    crop: U8 = cv2.warpAffine(
        rgb,
        np.hstack([turn, offset[:, None]]),
        (SIDE, SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return crop


def _edges(crop: U8) -> F32:
    # A blur first: a face far away has no fine edges, and must still look like itself close by.
    grey = cv2.GaussianBlur(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 2.0)
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    strength = np.sqrt(gx * gx + gy * gy)
    place = np.arctan2(gy, gx) * (BINS / (2 * np.pi)) % BINS
    low = np.floor(place)
    share = place - low
    index = low.astype(np.int64) % BINS
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] // CELL
    cell = (rows * (SIDE // CELL) + columns) * BINS
    size = (SIDE // CELL) ** 2 * BINS
    histogram = np.bincount((cell + index).ravel(), (strength * (1 - share)).ravel(), size)
    histogram += np.bincount((cell + (index + 1) % BINS).ravel(), (strength * share).ravel(), size)
    # The root keeps one strong edge (glasses, a hair line) from deciding alone.
    rooted = np.sqrt(histogram)
    rooted -= rooted.mean()
    return (rooted / max(float(np.linalg.norm(rooted)), 1e-6)).astype(np.float32)


def _colours(crop: U8) -> F32:
    lab = cv2.cvtColor(crop.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    small = cv2.resize(lab, (4, 4), interpolation=cv2.INTER_AREA).reshape(16, 3)
    # Brightness changes with exposure; the pattern of it does not.
    small[:, 0] = 0.5 * (small[:, 0] - small[:, 0].mean())
    colours: F32 = small.ravel().astype(np.float32)
    return colours
