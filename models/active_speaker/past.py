"""The voices of chunks that are not looked at anew any more, kept so that they can be given to whom they are."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from models.active_speaker.speaker import Speaker
from models.common.arrays import F32

KEPT = 1_000
"""Voices that are kept, at most: 10 minutes in a call, where every third chunk of speech has one; 0.8 MB."""


@dataclass
class _Heard:
    number: int
    voice: F32
    shares: dict[int, float]


class Past:
    """What each speaker's sums were made of."""

    def __init__(self) -> None:
        self._heard: deque[_Heard] = deque(maxlen=KEPT)

    def add(self, number: int, voice: F32, shares: Mapping[int, float]) -> None:
        """Keep the embedding of a chunk, and how much of it was added to each speaker."""
        self._heard.append(_Heard(number, voice, dict(shares)))

    def rename(self, old: int, new: int) -> None:
        """Count what was one speaker's as another's."""
        for one in self._heard:
            if old in one.shares:
                one.shares[new] = one.shares.get(new, 0.0) + one.shares.pop(old)

    def give(self, first: int, last: int, id: int | None, speakers: Mapping[int, Speaker]) -> None:
        """Move the voices of some chunks, both ends with them, to one speaker; None takes them from all."""
        for one in self._heard:
            if not first <= one.number <= last:
                continue
            for other, share in one.shares.items():
                if other in speakers:
                    speakers[other].add_voice(-share * one.voice, -share)
            one.shares = {} if id is None else {id: 1.0}
            if id is not None:
                speakers[id].add_voice(one.voice, 1.0)
