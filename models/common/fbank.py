"""Log mel energies as Kaldi computes them ("fbank"), without dither: what CAM++ was trained on.

Source: Kaldi, feat/feature-fbank.cc and feat/mel-computations.cc, with their defaults but for 80 bands.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

BANDS = 80

WINDOW, HOP = 400, 160
"""Samples of a frame and from one to the next: 25 and 10 ms."""

_FFT = 512
_LOWEST = 20.0  # Hz
_PRE_EMPHASIS = 0.97
_FLOOR = np.finfo(np.float32).eps  # of an energy


def fbank(pcm: F32) -> F32:
    """Compute log mel energies of sound.

    Args:
        pcm: (N,) at 16 kHz, [-1, 1].

    Returns:
        float32 (T, 80), T = 1 + (N - 400) // 160: only frames that lie whole in the sound; none if N < 400.
    """
    if len(pcm) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    frames = sliding_window_view(pcm, WINDOW)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    power = np.square(np.abs(np.fft.rfft((frames - _PRE_EMPHASIS * before) * _POVEY, _FFT)))
    energies: F32 = np.log(np.maximum(power.astype(np.float32) @ _MEL, _FLOOR))
    return energies


def _mel_filters() -> F32:
    """Triangles (257, 80) on the scale mel = 1127 ln(1 + f / 700), whose sides are straight in mel, not in hertz."""
    low, high, at = (
        1127 * np.log1p(np.asarray(f) / 700) for f in (_LOWEST, SAMPLE_RATE / 2, np.linspace(0, SAMPLE_RATE / 2, 257))
    )
    edges = np.linspace(low, high, BANDS + 2)
    rise = (at[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    fall = (edges[2:] - at[:, None]) / np.diff(edges)[1:]
    filters: F32 = np.minimum(rise, fall).clip(min=0).astype(np.float32)
    return filters


_MEL = _mel_filters()
_POVEY = (np.hanning(WINDOW) ** 0.85).astype(np.float32)  # goes to zero at both ends, but less steeply than Hann's
