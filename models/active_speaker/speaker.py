"""What is known of one speaker: voice and lips, of chunks that left the window as sums, of the others by who spoke."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from models.active_speaker.likelihoods import LEAST_RISE, Prior
from models.common.arrays import F32, F64

SHARED = 0.35
"""Weight of a chunk's lips: neighbouring chunks share half of their pictures."""


@dataclass
class Speaker:
    """Sums over the chunks before the window.

    Attributes:
        voice: of the embeddings it accounted for, weighted; `mass` is the sum of the weights.
        lips: by feature: chunks with visible lips, their sum, responsibilities' sum, and of both multiplied.
    """

    voice: F64 = field(default_factory=lambda: np.zeros(1))
    mass: float = 0.0
    lips: F64 = field(default_factory=lambda: np.zeros((2, 4)))

    def sum_of(self, size: int) -> F64:
        """Return the sum of the embeddings, (size,), zeros while there are none."""
        return self.voice if self.voice.size == size else np.zeros(size)

    def add_voice(self, voice: F64 | F32, weight: float) -> None:
        """Take in a sum of embeddings whose weights sum to this."""
        self.voice = self.sum_of(voice.size) + voice
        self.mass += weight

    def join(self, other: Speaker) -> None:
        """Take in everything known of another speaker: both are one person."""
        if other.mass:
            self.add_voice(other.voice, other.mass)
        self.lips = self.lips + other.lips

    def add_lips(self, features: F32, gamma: float) -> None:
        """Take in what the lips did in one chunk, (2,), of which this speaker accounts for so much."""
        for k in range(2):
            self.lips[k] += lip_sums(np.array([features[k]], np.float64), np.array([gamma]))

    def lip_fit(self, k: int, values: F64, gamma: F64, prior: Prior) -> tuple[float, float]:
        """Most probable silent mean and rise of a feature: regression on responsibilities, with a prior."""
        count, total, speaking, product = self.lips[k] + lip_sums(values, gamma)
        (silent, silent_spread), (rise, rise_spread) = prior.silent[k], prior.rise[k]
        weight = SHARED / prior.noise[k] ** 2
        a, b = weight * count + silent_spread**-2, weight * speaking
        c = weight * speaking + rise_spread**-2
        x, y = weight * total + silent / silent_spread**2, weight * product + rise / rise_spread**2
        determinant = a * c - b * b
        return float((x * c - y * b) / determinant), max(float((y * a - x * b) / determinant), LEAST_RISE)


def lip_sums(values: F64, gamma: F64) -> F64:
    """Count, sum, responsibilities' sum, and both multiplied."""
    return np.array([len(values), values.sum(), gamma.sum(), (gamma * values).sum()])
