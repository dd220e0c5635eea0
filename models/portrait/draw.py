"""A portrait that can be drawn with any mouth shape and stance: its net is warped triangle by triangle."""

from __future__ import annotations

import cv2
import numpy as np

from models.common.arrays import F32, F64, U8
from models.faces.mesh import Mesh
from models.portrait.inside import THROAT, Inside
from models.portrait.life import Stance
from models.portrait.rig import Rig
from models.portrait.topology import LOWER_ROWS, UPPER_ROWS

SUB = 4
"""Bits of a pixel to which corners of triangles are drawn."""


class Portrait:
    """One person's portrait.

    Args:
        rgb: (H, W, 3).
        mesh: Of the face in it.
        rest: (40, 2), see `Rig`.

    Attributes:
        rgb: The picture.
        rig: Its net.
        inside: Of the mouth.
    """

    def __init__(self, rgb: U8, mesh: Mesh, rest: F32) -> None:
        self.rgb, self._rest = rgb, rest
        self._unit = mesh.eye_distance
        height, width = rgb.shape[:2]
        self.rig = Rig(mesh, width, height, rest)
        self._shut = self.rig.place(rest, Stance())
        self.inside = Inside(rgb, self.rig.points, self._shut, self._unit)

    def draw(self, shape: F32, stance: Stance) -> U8:
        """Draw one picture.

        Args:
            shape: (40, 2) of the mouth.
            stance: Of the head.

        Returns:
            uint8, of the portrait's shape.
        """
        placed = self.rig.place(shape, stance)
        warped = self._warped(placed)
        self._open(warped, placed, self.rig.place(self._rest, stance))
        return warped

    def _warped(self, placed: F32) -> U8:
        """Return the portrait with its net at other places: every pixel is taken from where its triangle had it."""
        height, width = self.rgb.shape[:2]
        moved = np.abs(placed - self.rig.points).max(axis=1) > 0.02
        triangles = self.rig.triangles[moved[self.rig.triangles].any(axis=1)]
        if not len(triangles):
            return self.rgb.copy()
        corners = placed[triangles]
        low = np.maximum(np.floor(corners.min(axis=(0, 1))).astype(int), 0)
        high = np.minimum(np.ceil(corners.max(axis=(0, 1))).astype(int) + 1, [width, height])
        which = np.zeros((high[1] - low[1], high[0] - low[0]), np.int32)
        for number, corner in enumerate(np.round((corners - low) * 2**SUB).astype(np.int32), 1):
            cv2.fillConvexPoly(which, corner, number, cv2.LINE_8, SUB)
        source = self.rig.points[triangles]
        maps = np.concatenate([[[[1, 0], [0, 1], [0, 0]]], _affine(corners, source)]).astype(np.float32)
        # A pixel on a triangle's edge lies partly outside of it: in thin ones that would be far away in the picture.
        least = np.concatenate([[[0, 0]], source.min(axis=1)]).astype(np.float32)
        most = np.concatenate([[[width, height]], source.max(axis=1)]).astype(np.float32)
        y, x = np.mgrid[low[1] : high[1], low[0] : high[0]].astype(np.float32)
        to = []
        for k, here in enumerate((x, y)):
            a, b, c = (np.take(np.ascontiguousarray(maps[:, row, k]), which) for row in range(3))
            at = np.clip(a * x + b * y + c, least[:, k][which], most[:, k][which])
            # Slivers at the corners of lips and lids take single pixels from elsewhere; the median of their
            # neighbours' shifts does not.
            to.append(here + cv2.medianBlur(at - here, 5))
        out = self.rgb.copy()
        out[low[1] : high[1], low[0] : high[0]] = cv2.remap(
            self.rgb, to[0], to[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return out

    def _open(self, picture: U8, placed: F32, resting: F32) -> None:
        """Paint the inside of the mouth between the inner lips."""
        upper, lower = placed[list(UPPER_ROWS[-1])], placed[list(LOWER_ROWS[-1])]
        outline = np.concatenate([upper, lower[-2:0:-1]])
        height, width = picture.shape[:2]
        pad = 4
        x0, y0 = np.maximum(np.floor(outline.min(axis=0)).astype(int) - pad, 0)
        x1, y1 = np.minimum(np.ceil(outline.max(axis=0)).astype(int) + pad + 1, [width, height])
        if x1 - x0 < 3 or y1 - y0 < 3:
            return
        mask = _gap(upper, lower, (x0, y0, x1, y1))
        if mask.max() < 0.02:
            return
        soft = cv2.GaussianBlur(mask, (0, 0), max(0.8, 0.022 * self._unit))
        shade = np.clip(0.25 + 0.95 * soft, 0, 1)[..., None]
        skull = (resting - self._shut)[list(UPPER_ROWS[-1])].mean(axis=0)
        jaw = (placed - self._shut)[list(LOWER_ROWS[-1])][3:8].mean(axis=0)
        inside = np.broadcast_to(THROAT, (*mask.shape, 3)).copy()
        for layer, shift in ((self.inside.lower, jaw), (self.inside.upper, skull)):
            offset = np.array([self.inside.area[0], self.inside.area[1]]) + shift - np.array([x0, y0])
            matrix = np.array([[1, 0, offset[0]], [0, 1, offset[1]]], np.float64)
            shown = cv2.warpAffine(layer, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
            inside = inside * (1 - shown[..., 3:]) + shown[..., :3]
        area = picture[y0:y1, x0:x1]
        mixed = area * (1 - mask[..., None]) + inside * shade * mask[..., None]
        picture[y0:y1, x0:x1] = np.clip(mixed + 0.5, 0, 255).astype(np.uint8)


def _affine(corners: F32, source: F32) -> F64:
    """Return the maps (T, 3, 2) that take (x, y, 1) of triangles (T, 3, 2) to their places in the picture."""
    rows = np.concatenate([corners, np.ones((len(corners), 3, 1), np.float32)], axis=2).astype(np.float64)
    flat = np.abs(np.linalg.det(rows)) < 1e-3
    rows[flat] = np.eye(3)
    maps = np.asarray(np.linalg.solve(rows, source.astype(np.float64)), np.float64)
    # A triangle without an area covers a line of pixels: any of its own is right.
    maps[flat, :2] = 0
    maps[flat, 2] = source[flat].mean(axis=1)
    return maps


def _gap(upper: F32, lower: F32, area: tuple[int, int, int, int]) -> F32:
    """Return how much (0..1) each pixel of an area lies between the lips; where they touch, nothing does."""
    x0, y0, x1, y1 = area
    scale = 4
    big = np.zeros(((y1 - y0) * scale, (x1 - x0) * scale), np.uint8)
    # Where lips touch or overlap there is no gap, and no line of a gap's edge.
    under = np.stack([lower[:, 0], np.maximum(upper[:, 1], lower[:, 1] - 0.3)], axis=1)
    outline = np.concatenate([upper, under[-2:0:-1]])
    at = (outline - [x0, y0] + 0.5) * scale - 0.5
    cv2.fillPoly(big, [np.round(at * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    small = cv2.resize(big, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    widest = float(np.max(lower[:, 1] - upper[:, 1]))
    # The outline is drawn with its edge: a mouth that is shut would show as a dark line.
    return np.asarray(small * np.clip(widest - 0.5, 0, 1), np.float32)
