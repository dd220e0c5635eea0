"""Chirps in a sound, by which a listener knows when what it hears was sent: above speech, 5 ms, every two seconds."""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, chirp, correlate, sosfilt

from models.common.arrays import F32

RATE = 48_000

EVERY = 2.0
"""Seconds between two marks: a delay up to there is told rightly."""

LENGTH = RATE // 200
LOWEST, HIGHEST = 9_000, 14_000
"""Samples (5 ms), and Hz from where to where it rises: speech of telephones and puppets ends at 8 kHz."""

LOUDNESS = 0.25

ALIKE = 0.6
"""Cosine of the angle between a mark and what is taken for one."""

FAINTEST = 0.01
"""Root of the mean square below which nothing is taken for one."""

_HIGH = butter(6, 8_500, "highpass", fs=RATE, output="sos")


def mark() -> F32:
    """Return the mark, shape (240,)."""
    moments = np.arange(LENGTH) / RATE
    wave = chirp(moments, LOWEST, LENGTH / RATE, HIGHEST) * np.hanning(LENGTH)
    out: F32 = (LOUDNESS * wave).astype(np.float32)
    return out


class MarkFinder:
    """Finds marks in a stream of sound."""

    def __init__(self) -> None:
        pulse = np.concatenate([mark(), np.zeros(LENGTH, np.float32)])
        self._wanted = sosfilt(_HIGH, pulse)
        self._state = np.zeros((_HIGH.shape[0], 2))
        self._kept = np.zeros(self._wanted.size)
        self._passed = 0
        self._blind = 0

    def step(self, pcm: F32) -> list[int]:
        """Take the next samples.

        Args:
            pcm: shape (N,), 48 kHz.

        Returns:
            The first sample of each mark that is whole now, counted from the stream's beginning.
        """
        high, self._state = sosfilt(_HIGH, pcm, zi=self._state)
        heard = np.concatenate([self._kept, high])
        first = self._passed - self._kept.size
        self._kept = heard[-self._wanted.size :]
        self._passed += pcm.size
        size = self._wanted.size
        energy = np.convolve(heard**2, np.ones(size), "valid").clip(1e-12)
        likeness = correlate(heard, self._wanted, "valid") / np.sqrt(energy * (self._wanted**2).sum())
        likeness[energy < size * FAINTEST**2] = 0.0
        found = []
        place = int(np.argmax(likeness))
        if likeness[place] > ALIKE and first + place >= self._blind:
            found.append(first + place)
            self._blind = first + place + RATE // 2
        return found
