"""How loud the sound is, measured between the quietest and the loudest moment of the seconds around.

Neither a level nor its height over the noise alone tells speech from the pauses within it: in a studio the pauses lie
far over the noise, in a street not far under the voice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32, F64
from models.common.audio import SAMPLE_RATE

STEP = 0.04
"""Seconds between levels."""

HEARD = 2
"""Levels (80 ms) that are averaged in a call, where what comes is not known."""

AROUND = 2
"""Levels on either side that are averaged in a recording: 200 ms in all."""

PAST = 200
"""Levels (8 s) in which the quietest and the loudest moment are sought, before and, in a recording, after."""

QUIETEST = (-75.0, -30.0)
"""Bounds of the quietest moment, dB: digital silence is no noise to measure by, nor is a voice that never pauses."""

LOUDEST = -45.0
"""Least loudest moment, dB: noise in which nobody has spoken yet is not loud."""

LEAST = -100.0
"""Least level, dB."""


@dataclass(frozen=True)
class Loudness:
    """Of one moment, dB of full scale.

    Attributes:
        now: level of the sound.
        quietest, loudest: of the seconds around.
    """

    now: float = LEAST
    quietest: float = QUIETEST[0]
    loudest: float = LOUDEST

    @property
    def above(self) -> float:
        """How far it is over the quietest moment, dB."""
        return self.now - self.quietest

    @property
    def below(self) -> float:
        """How far it is over the loudest moment, dB: usually negative."""
        return self.now - self.loudest


class LoudnessMeter:
    """Measures a stream, by what was heard so far."""

    def __init__(self) -> None:
        self._heard: deque[float] = deque(maxlen=HEARD)
        self._past: deque[float] = deque(maxlen=PAST)

    def step(self, level: float) -> Loudness:
        """Take in the level of 40 ms, dB."""
        self._heard.append(10 ** (max(level, LEAST) / 10))
        self._past.append(10 * float(np.log10(np.mean(self._heard))))
        return _loudness(self._past[-1], np.array(self._past))


class LoudnessTrack:
    """Loudness of a whole recording.

    Args:
        begin: time of the first level, seconds.
        levels: dB, `STEP` apart.
    """

    def __init__(self, begin: float, levels: F64) -> None:
        self._begin = begin
        width, self._levels = 2 * AROUND + 1, levels
        if len(levels):
            # Of decibels, not of energies: a word ends where it ends.
            padded = np.pad(np.maximum(levels, LEAST), AROUND, mode="edge")
            self._levels = np.convolve(padded, np.full(width, 1 / width), "valid")

    def at(self, t: float) -> Loudness:
        """Return the loudness of the 40 ms around `t` seconds."""
        if not len(self._levels):
            return Loudness()
        i = int(np.clip((t - self._begin) // STEP, 0, len(self._levels) - 1))
        return _loudness(float(self._levels[i]), self._levels[max(0, i - PAST) : i + PAST + 1])


def level_of(pcm: F32) -> float:
    """Return the level of 40 ms of sound (640,) at 16 kHz, dB of full scale, at least `LEAST`."""
    return float(levels_of(pcm)[0])


def levels_of(pcm: F32) -> F64:
    """Return the level of each whole 40 ms of sound (N,) at 16 kHz, dB."""
    size = round(STEP * SAMPLE_RATE)
    parts = pcm[: len(pcm) // size * size].reshape(-1, size).astype(np.float64)
    levels: F64 = np.maximum(10 * np.log10(np.square(parts).mean(axis=1) + 1e-10), LEAST)
    return levels


def _loudness(now: float, around: F64) -> Loudness:
    quietest = float(np.clip(around.min(), *QUIETEST))
    return Loudness(now, quietest, max(float(around.max()), LOUDEST))
