"""Which sounds are named, where each name's probability comes from, and from what probability on it is said.

Only what was measured to work is here; `python -m models.train.sounds.fit_tags` measures and proposes thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32


@dataclass(frozen=True)
class Tag:
    """A sound with a name.

    Attributes:
        name: as a user would say it.
        threshold: probability from which on it is said.
        classes: of the 521 that YAMNet knows; the likeliest of them counts, at its best moment in the window.
        label: or the class of UrbanSound8K, by the linear classifier on pool5.
    """

    name: str
    threshold: float
    classes: tuple[int, ...] = ()
    label: int | None = None

    def probability(self, sounds: F32, labelled: F32) -> F32:
        """Return that of each row, from answers of the head (B, P, 521) and of the classifier (B, 10): (B,)."""
        if self.label is not None:
            return np.asarray(labelled[:, self.label])
        return np.asarray(sounds[:, :, list(self.classes)].max(axis=(1, 2)))


@dataclass(frozen=True)
class TagClassifier:
    """The classifier on pool5, every class a question of its own.

    Attributes:
        weight: (10, 2048) for the mean and the maximum of each feature over time.
        bias: (10,).
    """

    weight: F32
    bias: F32

    def probabilities(self, frames: F32) -> F32:
        """Classify (B, T, 1024) -> (B, 10)."""
        pooled = np.concatenate([frames.mean(axis=1), frames.max(axis=1)], axis=1)
        return np.asarray(1 / (1 + np.exp(-(pooled @ self.weight.T + self.bias))), np.float32)


TAGS = (
    Tag("speech", 0.43, classes=(0, 1, 2, 3)),
    Tag("music", 0.36, label=9),
    Tag("vehicle", 0.32, classes=(294, 300, 301)),
    Tag("dog bark", 0.2, classes=(69, 70, 73)),
    Tag("children playing", 0.45, label=2),
    Tag("siren", 0.47, classes=(317, 318, 319, 390)),
    Tag("car horn", 0.22, label=1),
    Tag("drilling", 0.45, label=4),
    # Higher than for 1 % of false alarms: syllables are mistaken for shots.
    Tag("gun shot", 0.5, label=6),
)
