"""What shows between parted lips: a dark throat, a tongue, and teeth, the photograph's own where it has them."""

from __future__ import annotations

import cv2
import numpy as np

from models.common.arrays import F32, U8
from models.portrait.topology import LOWER_ROWS, UPPER_ROWS

THROAT = np.array([38, 14, 15], np.float32)
TONGUE = np.array([128, 58, 58], np.float32)
TEETH = np.array([214, 196, 174], np.float32)

CHEEKS = (50, 280)
LIT = 150.0
"""Mean of the colours of skin in the light that these are painted for."""

SMILE = 0.05
"""Gap between the photograph's lips from which it shows teeth, eye distances."""

DEEP, LOW = 0.07, 0.035
"""How far the upper teeth reach below the closed lips, and the lower ones above the lower lip when it has gone
down; eye distances."""


class Inside:
    """The inside of one portrait's mouth.

    Args:
        rgb: (H, W, 3) the portrait.
        points: (V, 2) of the net in it.
        shut: (V, 2) of the net with closed lips.
        unit: Eye distance, pixels.

    Attributes:
        area: Left, top, right, bottom: what is painted, pixels of the portrait.
        upper: (h, w, 4) float32, what hangs at the skull: colours times opacity, and opacity.
        lower: Likewise, what lies in the jaw.
    """

    def __init__(self, rgb: U8, points: F32, shut: F32, unit: float) -> None:
        seam = (shut[list(UPPER_ROWS[-1])] + shut[list(LOWER_ROWS[-1])]) / 2
        left, right = seam[0], seam[-1]
        height, width = rgb.shape[:2]
        reach = 0.45 * unit
        self.area = (
            max(0, int(left[0] - 0.1 * unit)),
            max(0, int(seam[:, 1].min() - reach)),
            min(width, int(right[0] + 0.1 * unit) + 1),
            min(height, int(seam[:, 1].max() + reach) + 1),
        )
        x, y = np.meshgrid(np.arange(self.area[0], self.area[2]), np.arange(self.area[1], self.area[3]))
        along = (right - left) / max(float(np.linalg.norm(right - left)), 1e-6)
        offset = np.stack([x, y], axis=-1) - (left + right) / 2
        u = (offset @ along) / max(float(np.linalg.norm(right - left)) / 2, 1e-6)
        line = np.interp(u, (seam - (left + right) / 2) @ along / (np.linalg.norm(right - left) / 2), seam[:, 1])
        v = (y - line) / unit
        cheeks = np.clip(points[list(CHEEKS)].astype(int), 2, [width - 3, height - 3])
        skin = np.mean([rgb[y - 2 : y + 3, x - 2 : x + 3].mean() for x, y in cheeks])
        bright = float(np.clip(skin / LIT, 0.5, 1.1))
        self.upper = self._teeth(u, v + 0.05, DEEP + 0.05, bright)
        self.lower = self._jaw(u, v, bright)
        self._own(rgb, points, unit, x, y)

    @staticmethod
    def _teeth(u: F32, v: F32, deep: float, bright: float) -> F32:
        """Paint a row of teeth: u across, -1..1 from corner to corner; v down from the gums, eye distances."""
        edge = deep * np.clip(1.02 - 0.55 * u**2, 0, 1)
        there = np.clip((edge - v) / 0.012, 0, 1) * np.clip((0.86 - np.abs(u)) / 0.12, 0, 1)
        # Light falls off to the sides, and between two teeth there is a thin line.
        width = 0.23 - 0.05 * np.abs(u)
        beside = np.abs((u / width) % 1 - 0.5) * 2
        line = 1 - 0.16 * np.clip((beside - 0.82) / 0.18, 0, 1)
        light = bright * line * np.clip(1 - 0.55 * u**2, 0.2, 1) * (0.8 + 0.2 * np.clip(v / deep, 0, 1))
        colour = np.clip(TEETH * light[..., None], 0, 255)
        return np.concatenate([colour * there[..., None], there[..., None]], axis=-1).astype(np.float32)

    @staticmethod
    def _jaw(u: F32, v: F32, bright: float) -> F32:
        """Paint the tongue, and the lower teeth's edge below it, as they lie when the lips are closed."""
        up = 0.11 * np.sqrt(np.clip(1 - (u / 0.7) ** 2, 0, 1))
        tongue = np.clip((v + up) / 0.05, 0, 1) * np.clip((0.7 - np.abs(u)) / 0.15, 0, 1) * 0.8
        groove = 1 - 0.2 * np.exp(-((u / 0.05) ** 2))
        colour = TONGUE * (bright * groove * np.clip(1 - 0.5 * u**2, 0.3, 1))[..., None]
        teeth = np.clip((v + LOW * (1 - 0.5 * u**2)) / 0.012, 0, 1) * np.clip((0.62 - np.abs(u)) / 0.15, 0, 1) * 0.5
        light = (0.72 * bright * np.clip(1 - 0.6 * u**2, 0.3, 1))[..., None]
        both = colour * (tongue * (1 - teeth))[..., None] + TEETH * light * teeth[..., None]
        opacity = 1 - (1 - tongue) * (1 - teeth)
        return np.concatenate([both, opacity[..., None]], axis=-1).astype(np.float32)

    def _own(self, rgb: U8, points: F32, unit: float, x: F32, y: F32) -> None:
        """Put the photograph's own teeth over the painted ones, where its lips are apart."""
        inner = np.concatenate([points[list(UPPER_ROWS[-1])], points[list(LOWER_ROWS[-1])][-2:0:-1]])
        gap = float(points[LOWER_ROWS[-1][5], 1] - points[UPPER_ROWS[-1][5], 1])
        if gap < SMILE * unit:
            return
        mask = np.zeros(x.shape, np.uint8)
        corner = np.array([self.area[0], self.area[1]], np.float32)
        cv2.fillPoly(mask, [np.round((inner - corner) * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
        shrunk = cv2.erode(mask, np.ones((3, 3), np.uint8), iterations=max(1, round(0.012 * unit)))
        soft = cv2.GaussianBlur(shrunk, (0, 0), max(0.6, 0.008 * unit)).astype(np.float32)[..., None] / 255
        own = rgb[self.area[1] : self.area[3], self.area[0] : self.area[2]].astype(np.float32)
        self.upper = self.upper * (1 - soft) + np.concatenate([own * soft, soft], axis=-1)
