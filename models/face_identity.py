"""Who is it: a cheap signature of the upper face and a gallery of them, good for the length of a call."""

import cv2
import numpy as np
import numpy.typing as npt

from models.face_mesh import Mesh
from models.tflite import F32

U8 = npt.NDArray[np.uint8]

SIDE = 48  # pixels of the aligned crop
EYE_GAP = 15.0  # pixels between the eyes in it
EYE_ROW = 20.0  # their height: more hair above than mouth below, because the mouth moves
GALLERY = 8


def _weights() -> F32:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    oval = ((x - SIDE / 2) / 20) ** 2 + ((y - 22) / 24) ** 2
    soft = np.clip(1.6 - oval, 0, 1)
    mouth = np.clip((y - 33) / 6, 0, 1)
    weights: F32 = (soft * (1 - 0.9 * mouth)).astype(np.float32)
    return weights


_WEIGHTS = _weights()


def signature(rgb: U8, mesh: Mesh) -> F32:
    """Describe the face with its eyes put level, at a fixed place and size.

    Args:
        rgb: uint8 (H, W, 3).
        mesh: of the face in that picture.

    Returns:
        float32, length 1. Half of it is colour and shade by place, half the direction of edges by place;
        both free of overall brightness. The dot product of two signatures is their likeness, -1..1.
    """
    middle = mesh.eyes[:, :2].mean(axis=0)
    scale = max(mesh.eye_distance, 1.0) / EYE_GAP
    c, s = np.cos(mesh.angle) * scale, np.sin(mesh.angle) * scale
    to_picture = np.array(
        [
            [c, -s, middle[0] - c * SIDE / 2 + s * EYE_ROW],
            [s, c, middle[1] - s * SIDE / 2 - c * EYE_ROW],
        ]
    )
    how = cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    if scale > 1.5:  # shrink first: one bilinear sample of many pixels is noise
        factor = 1.0 / scale
        low = np.floor(to_picture @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE], [1, 1, 1, 1]])).min(
            axis=1
        )
        high = np.ceil(to_picture @ np.array([[0, SIDE, 0, SIDE], [0, 0, SIDE, SIDE], [1, 1, 1, 1]])).max(
            axis=1
        )
        x0, y0 = (int(v) for v in np.clip(low, 0, None))
        x1, y1 = min(int(high[0]) + 1, rgb.shape[1]), min(int(high[1]) + 1, rgb.shape[0])
        if x1 - x0 > 4 and y1 - y0 > 4:
            part = rgb[y0:y1, x0:x1]
            rgb = cv2.resize(part, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
            to_picture[:, 2] -= (x0, y0)
            to_picture *= factor
    crop = cv2.warpAffine(rgb, to_picture, (SIDE, SIDE), flags=how, borderMode=cv2.BORDER_REPLICATE)
    lab = cv2.cvtColor(crop, cv2.COLOR_RGB2LAB).astype(np.float32)
    return np.concatenate([_colours(lab), _edges(lab[..., 0])]) * np.float32(np.sqrt(0.5))


def _colours(lab: F32) -> F32:
    weight = _WEIGHTS[..., None]
    shade = lab[..., :1]
    mean = float((shade * weight).sum() / weight.sum())
    spread = float(np.sqrt(((shade - mean) ** 2 * weight).sum() / weight.sum()))
    # Shade relative to the face's own contrast; tint as it is, because one camera keeps its white balance.
    flat = np.concatenate([(shade - mean) / (spread + 8), (lab[..., 1:] - 128) / 16], axis=2)
    small = cv2.resize((flat * weight).astype(np.float32), (12, 12), interpolation=cv2.INTER_AREA)
    return _unit(small.ravel())


def _edges(shade: F32) -> F32:
    smooth = cv2.GaussianBlur(shade, (5, 5), 1.0)
    gx, gy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    strength = np.sqrt(np.hypot(gx, gy)) * _WEIGHTS
    direction = np.mod(np.arctan2(gy, gx), np.pi) * (8 / np.pi)
    low = np.floor(direction)
    part = direction - low
    bins = np.zeros((SIDE, SIDE, 8), np.float32)
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    bins[rows, columns, low.astype(int) % 8] += strength * (1 - part)
    bins[rows, columns, (low.astype(int) + 1) % 8] += strength * part
    cells = cv2.resize(bins, (8, 8), interpolation=cv2.INTER_AREA).ravel()
    # Mean of all faces' edges is large and says nothing: leave the differences between cells.
    return _unit(cells - cells.mean())


def _unit(x: F32) -> F32:
    return (x / max(float(np.linalg.norm(x)), 1e-6)).astype(np.float32)


class Gallery:
    """The last few unlike signatures of one face."""

    def __init__(self) -> None:
        self._kept: list[F32] = []

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, one: F32) -> None:
        """Remember a signature; one that is much like a kept one takes its place."""
        if self._kept:
            alike = [float(k @ one) for k in self._kept]
            nearest = int(np.argmax(alike))
            if alike[nearest] > 0.97 or len(self._kept) >= GALLERY:
                blend = 0.8 * self._kept[nearest] + 0.2 * one
                self._kept[nearest] = (blend / np.linalg.norm(blend)).astype(np.float32)
                return
        self._kept.append(one)

    def likeness(self, one: F32) -> float:
        """Best dot product with a kept signature, -1..1; 0 when nothing is kept."""
        return max((float(k @ one) for k in self._kept), default=0.0)
