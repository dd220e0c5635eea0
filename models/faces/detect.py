"""Faces in a whole picture: full-range detector on the letterboxed frame and on overlapping square tiles."""

from dataclasses import dataclass

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.common.stored_graph import StoredGraph
from models.common.weights import FOLDER

Box = tuple[float, float, float, float]

INPUT = 192
"""Side of the network's picture, pixels."""

GRID = 48
"""Cells a side, one anchor in the middle of every 4x4 cell."""

TILE = 240
"""Side of a tile in pixels; faces too small for the letterboxed picture are found at about its full size."""

TILE_STEP = 160
"""Pixels from tile to tile: neighbours share 80, so every face up to that size lies whole in one of them."""


@dataclass(frozen=True)
class Detection:
    """One face as the detector sees it, in pixels of the whole picture.

    Attributes:
        box: (x, y, width, height).
        keypoints: float32 (6, 2): the eye on the picture's left, the other eye, nose, mouth, two ears.
        score: 0..1.
    """

    box: Box
    keypoints: F32
    score: float


def _anchors() -> F32:
    centres = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    x, y = np.meshgrid(centres, centres)
    anchors: F32 = np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)
    return anchors


def overlap(a: Box, b: Box) -> tuple[float, float]:
    """Return how much two boxes (x, y, width, height) cover each other.

    Returns:
        (intersection over union, intersection over the smaller box), both 0..1.
    """
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0, 0.0
    shared, area_a, area_b = w * h, a[2] * a[3], b[2] * b[3]
    return shared / (area_a + area_b - shared), shared / max(min(area_a, area_b), 1e-9)


def without_duplicates(found: list[Detection], threshold: float = 0.3) -> list[Detection]:
    """Suppress boxes that are not the local best (greedy non-maximum suppression, best score first).

    A box that lies mostly inside a better one is dropped too: a tile that cuts a face reports its half.
    """
    kept: list[Detection] = []
    for candidate in sorted(found, key=lambda d: -d.score):
        for k in kept:
            union, inside = overlap(candidate.box, k.box)
            if union > threshold or inside > 0.7:
                break
        else:
            kept.append(candidate)
    return kept


def tiles(width: int, height: int) -> list[tuple[int, int, int]]:
    """Cover a picture with overlapping squares.

    Args:
        width: of the picture, pixels.
        height: of the picture, pixels.

    Returns:
        (x, y, side) each, beyond the edge of a picture narrower than a tile; empty when the letterboxed picture
        already shows as much as a tile would. Pictures of more than 1280 pixels get larger tiles, so that there
        are never more than 64.
    """
    longest = max(width, height)
    if longest <= 1.5 * TILE:
        return []
    scale = max(1.0, longest / 1280)
    side, step = round(TILE * scale), round(TILE_STEP * scale)

    def starts(length: int) -> list[int]:
        if length <= side:
            return [0]
        count = -(-(length - side) // step) + 1
        return [round(i * (length - side) / max(count - 1, 1)) for i in range(count)]

    return [(x, y, side) for y in starts(height) for x in starts(width)]


class FaceDetector:
    """MediaPipe's full-range face detector (sparse weights), with its decoding done here.

    Args:
        threshold: least score of a face, 0..1.

    Raises:
        FileNotFoundError: the weights are not there.

    Source: Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs", 2019, §3.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        self._model = StoredGraph(FOLDER / "face_detector.safetensors")
        self._anchors = _anchors()
        self._logit = float(np.log(threshold / (1 - threshold)))

    def whole(self, rgb: U8) -> list[Detection]:
        """Find faces in the letterboxed picture; see `area`."""
        height, width = rgb.shape[:2]
        side = max(width, height)
        return self.area(rgb, (width - side) / 2, (height - side) / 2, side)

    def area(self, rgb: U8, x: float, y: float, side: float) -> list[Detection]:
        """Find faces in a square of the picture.

        Args:
            rgb: uint8 (H, W, 3).
            x: left edge of the square, pixels; may lie outside of the picture (black there).
            y: top edge, pixels.
            side: of the square, pixels.

        Returns:
            Detections in pixels of the whole picture, without duplicates, best first.
        """
        picture = self._crop(rgb, x, y, side)
        regressed, scores = self._model.run((picture.astype(np.float32) * (2 / 255) - 1)[None])
        logits = scores[0, :, 0]
        hits = np.nonzero(logits > self._logit)[0]
        hits = hits[np.argsort(-logits[hits])][:64]
        numbers = regressed[0, hits].reshape(-1, 8, 2) / INPUT
        found = []
        for n, anchor, logit in zip(numbers, self._anchors[hits], logits[hits], strict=True):
            centre, size = (n[0] + anchor) * side, n[1] * side
            if min(size) < 4:
                continue
            left, top = float(x + centre[0] - size[0] / 2), float(y + centre[1] - size[1] / 2)
            keypoints = (n[2:] + anchor) * side + np.array([x, y])
            score = float(1 / (1 + np.exp(-np.clip(logit, -100, 100))))
            found.append(Detection((left, top, float(size[0]), float(size[1])), keypoints.astype(np.float32), score))
        return without_duplicates(found)

    @staticmethod
    def _crop(rgb: U8, x: float, y: float, side: float) -> U8:
        height, width = rgb.shape[:2]
        scale = INPUT / side
        out = np.zeros((INPUT, INPUT, 3), np.uint8)
        left, top = max(0, round(x)), max(0, round(y))
        right, bottom = min(width, round(x + side)), min(height, round(y + side))
        if right <= left or bottom <= top:
            return out
        ox, oy = (min(max(0, round(v * scale)), INPUT - 1) for v in (left - x, top - y))
        w = min(max(1, round((right - left) * scale)), INPUT - ox)
        h = min(max(1, round((bottom - top) * scale)), INPUT - oy)
        # INTER_AREA: plain bilinear skips pixels when shrinking and small faces flicker in and out.
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        out[oy : oy + h, ox : ox + w] = cv2.resize(rgb[top:bottom, left:right], (w, h), interpolation=how)
        return out
