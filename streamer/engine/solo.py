"""The mixture itself for who speaks alone: nothing can be cut out of a voice that is not separated."""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32, F64

RISE, FALL = 0.2, 0.5
"""By how much the share of the mixture may rise and fall in a block of 20 ms; it glides through the block."""

FORGET = 0.6
"""Share of the levels of before that counts after a block: about 60 ms."""

OWN = (0.4, 0.7)
"""Share of the sound that the separated voice must hold: below the first the speaker is not taken to be alone, from
the second on surely. It tells within 60 ms that somebody else began; attribution takes half a second."""

OTHERS = (0.1, 0.3)
"""Share of it that all other separated voices may hold together: up to the first the speaker is alone, from the second
on not."""


class Solo:
    """Goes over from separated voices to the mixture and back, for one session."""

    def __init__(self) -> None:
        self._weights: dict[int, float] = {}
        self._levels: dict[int, F64] = {}

    def step(self, mix: F32, voices: F32, ids: list[int], alone: int | None) -> F32:
        """Take one block.

        Args:
            mix: (N,) in time with the voices.
            voices: (R, N) separated.
            ids: (R,) speaker of each row.
            alone: who speaks alone, None if nobody does.

        Returns:
            (R, N): the mixture in place of the voice of `alone`, silence for all others; click-free.
        """
        weights, out = {}, voices.copy()
        ramps = {}
        for row, id in enumerate(ids):
            energy = np.array([np.square(mix, dtype=np.float64).sum(), np.square(voices[row], dtype=np.float64).sum()])
            self._levels[id] = FORGET * self._levels.get(id, np.zeros(2)) + energy
        for id in ids:
            wanted = self._share(id, ids) if id == alone else 0.0
            before = self._weights.get(id, 0.0)
            weights[id] = float(np.clip(wanted, before - FALL, before + RISE))
            ramps[id] = np.linspace(before, weights[id], len(mix), dtype=np.float32)
        for row, id in enumerate(ids):
            others = sum((ramp for other, ramp in ramps.items() if other != id), np.zeros(len(mix), np.float32))
            out[row] = ramps[id] * mix + (1 - np.minimum(ramps[id] + others, 1)) * voices[row]
        self._weights = weights
        self._levels = {id: self._levels[id] for id in ids}
        return out

    def _share(self, id: int, ids: list[int]) -> float:
        """Return how far the separated voices agree that a speaker is alone, 0..1."""
        whole = max(float(self._levels[id][0]), 1e-9)
        own = self._levels[id][1] / whole
        others = sum(self._levels[other][1] for other in ids if other != id) / whole
        mine = np.clip((own - OWN[0]) / (OWN[1] - OWN[0]), 0.0, 1.0)
        foreign = np.clip((OTHERS[1] - others) / (OTHERS[1] - OTHERS[0]), 0.0, 1.0)
        return float(mine * foreign)
