"""What a sentence is read from once it is over: of what was heard, that which was its speaker's, as is known by then.

While somebody speaks, nobody knows for half a second who it is, and the separator takes a quarter of one to go over
from one voice to another: the first words after a change of turn are heard in the wrong voice, and missing in the right
one. When the sentence is over it is known. Where one spoke alone, theirs is the mixture itself, of which nothing is cut
out; and nothing of it is anybody else's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable

import numpy as np

from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

KEPT = 30.0
"""Seconds that are remembered; sentences are half as long at most."""

EARLIER = 1.0
"""Seconds by which a sentence may begin before it was heard to."""

HOLE = 0.06
"""Seconds by which the time of sound may jump; more is missing sound, and nothing before it counts any more."""

FADE = 320
"""Samples over which one sound goes over into the other."""


class Hindsight:
    """The mixture of one stream lately, and who spoke alone in it."""

    def __init__(self) -> None:
        self._begin = 0.0
        self._mix = np.zeros(0, np.float32)
        self._stretches: deque[tuple[float, float, Hashable]] = deque()
        self._read_to: dict[Hashable, float] = {}

    def hear(self, t: float, mix: F32) -> None:
        """Remember sound: (N,) at 16 kHz from `t` seconds on."""
        if abs(t - self._begin - len(self._mix) / SAMPLE_RATE) > HOLE:
            self._begin, self._mix = t, np.zeros(0, np.float32)
        self._mix = np.concatenate([self._mix, mix])
        if len(self._mix) > 1.5 * KEPT * SAMPLE_RATE:
            spare = len(self._mix) - round(KEPT * SAMPLE_RATE)
            self._mix, self._begin = self._mix[spare:].copy(), self._begin + spare / SAMPLE_RATE

    def judge(self, stretches: Iterable[tuple[float, float, Hashable]]) -> None:
        """Take in who spoke alone: begin and end in seconds, and the voice, None for nobody.

        Stretches are in order; what was known of their time, and later, counts no more.
        """
        for begin, end, alone in stretches:
            while self._stretches and self._stretches[-1][0] > begin - 0.01:
                self._stretches.pop()
            self._stretches.append((begin, end, alone))
        while self._stretches and self._stretches[-1][1] - self._stretches[0][0] > KEPT:
            self._stretches.popleft()

    def sound(self, voice: Hashable, t: float, heard: F32) -> tuple[float, F32]:
        """Return what a sentence that is over is to be read from.

        Args:
            voice: Whose sentence.
            t: When it begins, seconds.
            heard: (N,), the sentence as it was heard.

        Returns:
            When its sound begins, at `t` or up to `EARLIER` before, and the sound until the same end: the mixture where
            the voice was alone, silence where another one was, and else as it was heard.
        """
        begin, end = self._earliest(voice, t), t + len(heard) / SAMPLE_RATE
        before = round((t - begin) * SAMPLE_RATE)
        sound = np.concatenate([np.zeros(before, np.float32), heard])
        own, others = np.zeros(len(sound), np.float32), np.zeros(len(sound), np.float32)
        for first, last, alone in self._stretches:
            i, j = (
                round(float(np.clip(at - begin, 0, len(sound) / SAMPLE_RATE)) * SAMPLE_RATE) for at in (first, last)
            )
            if alone is not None:
                (own if alone == voice else others)[i:j] = 1.0
        own, others = _soft(own), _soft(others)
        self._read_to[voice] = max(end, self._read_to.get(voice, end))
        return t - before / SAMPLE_RATE, own * self._mixture(begin, len(sound)) + (1 - own - others) * sound

    def forget(self, voice: Hashable) -> None:
        """Forget a voice that has ended."""
        self._read_to.pop(voice, None)

    def _earliest(self, voice: Hashable, t: float) -> float:
        """When the voice began to speak alone without a break until `t`."""
        earliest = max(t - EARLIER, self._begin, self._read_to.get(voice, 0.0))
        begin = t
        for first, last, alone in reversed(self._stretches):
            if first >= begin:
                continue
            if alone != voice or last < begin - 0.01:
                break
            begin = first
        return min(max(begin, earliest), t)

    def _mixture(self, t: float, count: int) -> F32:
        """Return the mixture from `t` seconds on, silence where it is not remembered."""
        first = round((t - self._begin) * SAMPLE_RATE)
        out = np.zeros(count, np.float32)
        part = self._mix[max(first, 0) : max(first + count, 0)]
        out[max(-first, 0) : max(-first, 0) + len(part)] = part
        return out


def _soft(weights: F32) -> F32:
    """Let weights of 0 and 1 go over into each other."""
    if len(weights) < FADE or not weights.any():
        return weights
    padded = np.pad(weights.astype(np.float64), (FADE // 2, FADE - FADE // 2 - 1), "edge")
    sums = np.concatenate([[0.0], np.cumsum(padded)])
    soft: F32 = ((sums[FADE:] - sums[:-FADE]) / FADE).astype(np.float32)
    return soft
