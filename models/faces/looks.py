"""How one person has looked: a few unlike face embeddings."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from models.common.arrays import F32
from models.faces.encoder import distance

SURE = 0.5
"""Distance below which one look is enough: 0.2 % of the pairs of two people are so near."""

SAME = 0.58
"""Distance below which two faces are taken for one person where place or several looks agree."""

CLEAR = 0.68
"""Distance from which one look is enough to tell two people apart: 1 % of the pairs of one person are so far."""

UNLIKE = 0.25
"""Distance from every kept look from which a new one adds something."""

MOST = 5
"""Looks kept of a person."""


class Looks:
    """Face embeddings of one person.

    Args:
        kept: those of before, at most `MOST`, (128,) each.
        taken: how many were taken until then.

    Attributes:
        taken: how many were taken.
    """

    def __init__(self, kept: Iterable[F32] = (), taken: int = 0) -> None:
        self._kept = list(kept)
        self.taken = taken

    @property
    def kept(self) -> tuple[F32, ...]:
        """The embeddings, (128,) each."""
        return tuple(self._kept)

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, one: F32) -> None:
        """Remember an embedding (128,); one much like a kept one is blended with it."""
        self.taken += 1
        apart = [distance(kept, one) for kept in self._kept]
        if apart and (min(apart) < UNLIKE or len(apart) >= MOST):
            nearest = int(np.argmin(apart))
            self._kept[nearest] = (np.float32(0.8) * self._kept[nearest] + np.float32(0.2) * one).astype(np.float32)
        else:
            self._kept.append(one)

    def join(self, other: Looks) -> None:
        """Take in the looks of another number of the same person."""
        taken = self.taken + other.taken
        for one in other._kept:
            self.add(one)
        self.taken = taken

    def distance(self, one: F32) -> float:
        """Return how far an embedding is from the nearest kept one, from 0; infinite when nothing is kept."""
        return min((distance(kept, one) for kept in self._kept), default=float("inf"))

    def apart(self, other: Looks) -> float:
        """Return how far the other's looks are from the nearest of these, by the median; infinite without looks."""
        if not self._kept or not other._kept:
            return float("inf")
        return float(np.median([self.distance(one) for one in other._kept]))
