"""The sound as the localizer hears it: levels of 48 bands, 100 a second."""

from __future__ import annotations

import functools

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

HOP, WINDOW, BANDS = 160, 400, 48
BEFORE = WINDOW - HOP
"""Samples needed before the first hop."""

FLOOR, CEILING = -85.0, 5.0
"""dB; what is below or above counts as that."""

_LOW, _HIGH, _FFT = 60.0, 7600.0, 512


@functools.cache
def _bands() -> F32:
    """Return triangles on the mel scale, (257, 48)."""
    low, high = (2595 * float(np.log10(1 + at / 700)) for at in (_LOW, _HIGH))
    corners = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(_FFT, 1 / SAMPLE_RATE)[:, None]
    rise = (frequency - corners[:-2]) / (corners[1:-1] - corners[:-2])
    fall = (corners[2:] - frequency) / (corners[2:] - corners[1:-1])
    return np.asarray(np.clip(np.minimum(rise, fall), 0, None), np.float32)


def band_levels(pcm: F32) -> F32:
    """Measure the levels of bands.

    Args:
        pcm: Shape (B, BEFORE + 160 * T), -1..1 at 16 kHz; what is not finite counts as 0.

    Returns:
        Shape (B, T, 48), dB, `FLOOR`..`CEILING`.
    """
    pcm = np.nan_to_num(np.asarray(pcm, np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    frames = np.lib.stride_tricks.sliding_window_view(pcm, WINDOW, axis=1)[:, ::HOP]
    window = np.hamming(WINDOW).astype(np.float32)
    spectrum = np.fft.rfft(frames * (window / window.sum()), _FFT, axis=2)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) @ _bands()
    level: F32 = np.clip(10 * np.log10(power + np.float32(1e-12)), FLOOR, CEILING).astype(np.float32)
    return level
