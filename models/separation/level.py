"""Gives separated voices their level back.

The separator is trained to give voices at their level, but where it is unsure what is whose it holds back: measured
on people it never heard, a voice comes out at 0.97 of its amplitude when alone and at 0.75 beside another (both cues;
models/train/separation/RESULTS.md). The scale that is right leaves a remainder uncorrelated with the voice, min over g
of |mix - g*voice|^2:

    g = <mix, voice> / <voice, voice>

taken over the last seconds in which the voice was a good part of the mixture, so that what leaks into a silent face
is not raised.
"""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32, I64

MEMORY = 2.0
"""Seconds of speech over which a level is taken."""

USUAL = 1.0
"""Gain of the shipped weights' voices before a row has been heard."""

LEAST, MOST = 0.7, 1.25
"""Bounds of the gain."""

PRESENT = 0.02
"""Least share of the mixture's energy at which a voice counts as there (-17 dB)."""

_FLOOR = 320 * 10 ** (-60 / 10)
_TRUST = 50 * 320 * 10 ** (-40 / 10)
"""Energy that `USUAL` counts for: a second at -40 dB."""


class VoiceLevel:
    """Level of any number of rows, 20 ms at a time."""

    def __init__(self) -> None:
        self._forget = np.exp(-0.02 / MEMORY)
        self._cross = np.zeros(0)
        self._energy = np.zeros(0)
        self._gain = np.zeros(0)

    def reset(self, rows: I64) -> None:
        """Forget these rows, making room for them where there is none."""
        missing = int(rows.max(initial=-1)) + 1 - self._gain.size
        if missing > 0:
            self._cross, self._energy, self._gain = (
                np.pad(x, (0, missing)) for x in (self._cross, self._energy, self._gain)
            )
        self._cross[rows], self._energy[rows], self._gain[rows] = USUAL * _TRUST, _TRUST, USUAL

    def step(self, rows: I64, mix: F32, voices: F32) -> F32:
        """Bring one block of each row to its level.

        Args:
            rows: Shape (R,), each reset before its first block.
            mix: What the voices were taken from, in time with them, shape (R, N), float32.
            voices: Shape (R, N), float32.

        Returns:
            Shape (R, N): voices times a gain in `LEAST`..`MOST` that glides through the block.
        """
        energy = np.square(voices, dtype=np.float64).sum(axis=1)
        whole = np.square(mix, dtype=np.float64).sum(axis=1)
        there = (energy > PRESENT * whole) & (energy > _FLOOR * PRESENT)
        known = rows[there]
        cross = (mix[there].astype(np.float64) * voices[there]).sum(axis=1)
        self._cross[known] = self._forget * self._cross[known] + cross
        self._energy[known] = self._forget * self._energy[known] + energy[there]
        before = self._gain[rows]
        after = np.clip(self._cross[rows] / self._energy[rows], LEAST, MOST)
        self._gain[rows] = after
        ramp = np.linspace(0.0, 1.0, voices.shape[1], dtype=np.float32)
        gains = before[:, None] + (after - before)[:, None] * ramp
        scaled: F32 = (voices * gains).astype(np.float32)
        return scaled
