"""What moves where: a few numbers for each of 28 x 28 cells, between one picture and the next.

Shaking of the camera and changes of light are fitted to the whole picture and taken off first: they move with no sound.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np

from models.common.arrays import F32, U8

SIDE = 112
"""Pixels of either side at which motion is looked at."""

FINE = 28
"""Cells a side; each is 4 x 4 of those pixels."""

CHANNELS = 4
"""Of a cell: size of the change, signed change, motion down, motion to the right."""

BIN = 0.04
"""Seconds of one step of the time axis: a picture of 25 a second."""

LONGEST_GAP = 0.25
"""Seconds between two pictures beyond which they are not compared."""

_SOFT = 4 * 4 * 25.0
"""Added to a cell's squared gradients: flat cells have no motion to tell."""

_OUTLIER = 2.5


def grey(rgb: U8) -> F32:
    """Turn a picture (H, W, 3) grey: float32 (112, 112), 0..255."""
    small = cv2.resize(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32)


def motion(before: F32, after: F32, seconds: float) -> F32:
    """Compare two pictures.

    Args:
        before: Shape (112, 112), 0..255.
        after: The same, later.
        seconds: Between them, above 0.

    Returns:
        Shape (4, 28, 28), compressed to about -4..4, as if it were 40 ms of it: see `CHANNELS`.

    Source: Horn and Schunck, "Determining optical flow", 1981, section 4 (brightness constancy), by least squares for
        the whole picture and for each cell.
    """
    mean = (before + after) * np.float32(0.5)
    across, down = np.zeros_like(mean), np.zeros_like(mean)
    across[:, 1:-1] = (mean[:, 2:] - mean[:, :-2]) * np.float32(0.5)
    down[1:-1] = (mean[2:] - mean[:-2]) * np.float32(0.5)
    change = after - before
    change = change - _of_the_whole(across, down, mean, change)
    strength = _pool(np.stack([np.abs(change), change, down * change, across * change, down * down, across * across]))
    per = np.float32(BIN / seconds)
    size, signed = strength[0] / 16 * per, strength[1] / 16 * per
    fall, right = (-strength[2 + i] / (strength[4 + i] + np.float32(_SOFT)) * per for i in (0, 1))
    parts = [np.log1p(size), np.arcsinh(signed), np.arcsinh(6 * fall), np.arcsinh(6 * right)]
    return np.asarray(np.stack(parts), np.float32)


def _of_the_whole(across: F32, down: F32, mean: F32, change: F32) -> F32:
    """Return the change that a shift of the whole picture and a change of light explain."""
    light = mean * np.float32(1 / 128) - 1
    terms = [np.stack([x[1::2, 1::2].ravel() for x in (across, down, light)] + [np.ones(SIDE * SIDE // 4, np.float32)])]
    a, y = terms[0], change[1::2, 1::2].ravel()
    ridge = np.eye(4, dtype=np.float32) * np.float32(20)
    solved = np.linalg.solve(a @ a.T + ridge, a @ y)
    # Whatever moves by itself must not pull the fit: once more without it.
    rest = np.abs(y - solved @ a)
    calm = rest <= _OUTLIER * np.median(rest) + 1
    b = a[:, calm]
    solved = np.linalg.solve(b @ b.T + ridge, b @ y[calm]).astype(np.float32)
    explained: F32 = solved[0] * across + solved[1] * down + solved[2] * light + solved[3]
    return explained


def _pool(x: F32) -> F32:
    """Sum over 4 x 4 pixels: (K, 112, 112) -> (K, 28, 28)."""
    cell = SIDE // FINE
    rows = x.reshape(len(x), FINE, cell, SIDE).sum(axis=2)
    summed: F32 = rows.reshape(len(x), FINE, FINE, cell).sum(axis=3)
    return summed


@dataclass
class MotionTrack:
    """Motion of one stream of pictures in the last seconds.

    Attributes:
        seconds: how much is kept.
        parts: start and end in seconds, and `motion` between them.
    """

    seconds: float
    parts: deque[tuple[float, float, F32]] = field(default_factory=deque)
    _last: tuple[float, F32] | None = None

    def see(self, t: float, rgb: U8) -> None:
        """Take in a picture (H, W, 3) of time `t`, later than the last one; an older one is passed over."""
        picture = grey(rgb)
        if self._last is not None:
            start, before = self._last
            if t <= start:
                return
            if t - start <= LONGEST_GAP:
                self.parts.append((start, t, motion(before, picture, t - start)))
        self._last = (t, picture)
        while self.parts and self.parts[0][1] < t - self.seconds:
            self.parts.popleft()

    def window(self, end: float, bins: int) -> F32:
        """Return motion of `bins` steps of 40 ms that end at `end`: (bins, 4, 28, 28), zeros where nothing was seen."""
        out = np.zeros((bins, CHANNELS, FINE, FINE), np.float32)
        covered = np.zeros(bins, np.float32)
        first = end - bins * BIN
        for start, stop, part in self.parts:
            low, high = (start - first) / BIN, (stop - first) / BIN
            for k in range(max(0, int(low)), min(bins, int(np.ceil(high)))):
                share = min(high, k + 1) - max(low, k)
                # Times of pictures are not exact: a sliver of a neighbour would cost as much as a whole part.
                if share > 0.01:
                    out[k] += np.float32(share) * part
                    covered[k] += share
        return np.asarray(out / np.maximum(covered, 1)[:, None, None, None], np.float32)
