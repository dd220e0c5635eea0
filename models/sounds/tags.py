"""Which sounds are named, where each name's probability comes from, and from what probability on it is said.

`python -m models.train.sounds.measure_names` measures every name and proposes thresholds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32

UNKNOWN = "unknown sound"
"""Said of what is loud enough and has no name."""

UNMEASURED = 0.7
"""Threshold of names of which no recording was at hand to measure them on."""


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
        """Return that of each row, from answers of YAMNet (B, P, 521) and of the classifier (B, 10): (B,)."""
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
    # People.
    Tag("speech", 0.43, classes=(0, 1, 2, 3)),
    Tag("laughter", 0.5, classes=(13, 14, 15, 16, 17, 18)),
    Tag("shouting", 0.5, classes=(6, 7, 9, 11)),
    Tag("crying", 0.5, classes=(19, 20)),
    Tag("singing", 0.5, classes=(24, 25, 27, 29, 31)),
    Tag("whistling", 0.5, classes=(35,)),
    Tag("cough", 0.5, classes=(42, 43)),
    Tag("sneeze", 0.5, classes=(44,)),
    Tag("snoring", 0.5, classes=(38,)),
    Tag("footsteps", 0.5, classes=(48,)),
    Tag("applause", 0.5, classes=(58, 62)),
    Tag("crowd", 0.5, classes=(61, 63, 64, 65)),
    Tag("children playing", 0.45, label=2),
    # Animals.
    Tag("dog bark", 0.2, classes=(69, 70, 73)),
    Tag("cat", 0.5, classes=(76, 78)),
    Tag("bird", 0.5, classes=(106, 107, 108)),
    Tag("crow", 0.5, classes=(112, 113)),
    Tag("owl", 0.5, classes=(114, 115)),
    Tag("chicken", 0.5, classes=(94, 95, 96)),
    Tag("duck", 0.5, classes=(99, 100)),
    Tag("goose", 0.5, classes=(101,)),
    Tag("turkey", 0.5, classes=(97, 98)),
    Tag("cow", 0.5, classes=(85, 86)),
    Tag("sheep or goat", 0.5, classes=(90, 91, 92)),
    Tag("pig", 0.5, classes=(88, 89)),
    Tag("horse", 0.5, classes=(82, 84)),
    Tag("roar", 0.5, classes=(104, 105)),
    Tag("frog", 0.5, classes=(127, 128)),
    Tag("insect", 0.5, classes=(121, 122, 126)),
    # Music.
    Tag("music", 0.36, classes=(132,)),
    Tag("guitar", 0.5, classes=(135, 136, 138, 139, 142)),
    Tag("piano", 0.5, classes=(148, 149)),
    Tag("organ", 0.5, classes=(150, 151, 152)),
    Tag("accordion or harmonica", 0.5, classes=(203, 204)),
    Tag("harp", 0.5, classes=(194,)),
    Tag("violin or cello", 0.5, classes=(184, 186, 188, 189)),
    Tag("brass instrument", 0.5, classes=(180, 181, 182, 183)),
    Tag("woodwind instrument", 0.5, classes=(190, 191, 192, 193)),
    Tag("drums", 0.5, classes=(157, 159, 160, 162, 163, 164)),
    Tag("cymbal", 0.5, classes=(166, 167)),
    Tag("bell", 0.5, classes=(195, 196, 198)),
    # Weather and water.
    Tag("wind", 0.5, classes=(277, 279)),
    Tag("thunder", 0.5, classes=(280, 281)),
    Tag("rain", 0.5, classes=(283, 284, 285)),
    Tag("running water", 0.5, classes=(282, 286, 287, 443, 444)),
    Tag("splashing", 0.5, classes=(439, 440)),
    Tag("waves", 0.5, classes=(288, 289)),
    # Traffic.
    Tag("vehicle", 0.32, classes=(294, 300, 301)),
    Tag("car horn", 0.22, label=1),
    Tag("siren", 0.47, classes=(317, 318, 319, 390)),
    Tag("engine", 0.5, classes=(337, 342, 343, 345, 346)),
    Tag("motorcycle", 0.5, classes=(320,)),
    Tag("train", 0.5, classes=(322, 323, 326)),
    Tag("aircraft", 0.5, classes=(329, 330, 331, 334)),
    Tag("helicopter", 0.5, classes=(333,)),
    Tag("boat", 0.5, classes=(295, 297, 298)),
    # At home and at work.
    Tag("door", 0.5, classes=(348, 352)),
    Tag("knocking", 0.5, classes=(353,)),
    Tag("doorbell", 0.5, classes=(349, 350)),
    Tag("telephone", 0.5, classes=(383, 384, 385, 386)),
    Tag("alarm", 0.5, classes=(382, 389, 393, 394)),
    Tag("clock ticking", 0.5, classes=(401, 402)),
    Tag("typing", 0.5, classes=(378, 380)),
    Tag("dishes", 0.5, classes=(358, 359)),
    Tag("clinking glass", 0.5, classes=(435, 436)),
    Tag("water tap", 0.5, classes=(364, 365)),
    Tag("toilet flush", 0.5, classes=(368,)),
    Tag("vacuum cleaner", 0.5, classes=(371,)),
    Tag("camera", 0.5, classes=(410, 411)),
    Tag("hammering", 0.5, classes=(413,)),
    Tag("sawing", 0.5, classes=(415, 341)),
    Tag("drilling", 0.45, label=4),
    Tag("jackhammer", 0.5, label=7),
    Tag("air conditioner", 0.5, label=0),
    Tag("heartbeat", 0.5, classes=(59,)),
    # Bangs.
    # Higher than for 1 % of false alarms: syllables are mistaken for shots.
    Tag("gun shot", 0.5, label=6),
    Tag("fireworks", 0.5, classes=(426, 427)),
    Tag("explosion", 0.5, classes=(420,)),
)
