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
        unless: of the 521, what is mistaken for it (an accordion for a horn): taken off as far as it is heard.
    """

    name: str
    threshold: float
    classes: tuple[int, ...] = ()
    label: int | None = None
    unless: tuple[int, ...] = ()

    def probability(self, sounds: F32, labelled: F32) -> F32:
        """Return that of each row, from answers of YAMNet (B, P, 521) and of the classifier (B, 10): (B,)."""
        own = labelled[:, self.label] if self.label is not None else _likeliest(sounds, self.classes)
        return np.asarray(own * (1 - _likeliest(sounds, self.unless)), np.float32)


def _likeliest(sounds: F32, classes: tuple[int, ...]) -> F32:
    return np.asarray(sounds[:, :, list(classes)].max(axis=(1, 2), initial=0.0))


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
    Tag("speech", 0.7, classes=(0, 1, 2, 3)),
    Tag("laughter", 0.7, classes=(13, 14, 15, 16, 17, 18)),
    Tag("shouting", 0.7, classes=(6, 7, 9, 11)),
    Tag("crying", 0.75, classes=(19, 20)),
    Tag("singing", 0.7, classes=(24, 25, 27, 29, 31)),
    Tag("whistling", 0.7, classes=(35,)),
    Tag("cough", 0.45, classes=(42, 43)),
    Tag("sneeze", 0.9, classes=(44,)),
    Tag("snoring", 0.35, classes=(38,)),
    Tag("footsteps", 0.3, classes=(48,)),
    Tag("applause", 0.3, classes=(58, 62)),
    Tag("crowd", 0.6, classes=(61, 63, 64, 65)),
    Tag("children playing", 0.45, label=2),
    # Animals.
    Tag("dog bark", 0.55, classes=(69, 70, 73)),
    Tag("cat", 0.3, classes=(76, 78)),
    Tag("bird", 0.5, classes=(106, 107, 108)),
    Tag("crow", 0.35, classes=(112, 113)),
    Tag("owl", 0.75, classes=(114, 115)),
    Tag("duck", 0.95, classes=(99, 100)),
    Tag("cow", 0.4, classes=(85, 86)),
    Tag("sheep or goat", 0.5, classes=(90, 91, 92)),
    Tag("pig", 0.55, classes=(88, 89)),
    Tag("roar", 0.85, classes=(104, 105)),
    Tag("frog", 0.3, classes=(127, 128)),
    Tag("insect", 0.2, classes=(121, 122, 126)),
    # Music.
    Tag("music", 0.36, classes=(132,)),
    Tag("guitar", 0.45, classes=(135, 136, 138, 139, 142)),
    Tag("piano", 0.2, classes=(148, 149)),
    Tag("organ", 0.2, classes=(150, 151, 152)),
    Tag("accordion or harmonica", 0.4, classes=(203, 204)),
    Tag("harp", 0.3, classes=(194,)),
    Tag("violin or cello", 0.3, classes=(184, 186, 188, 189)),
    Tag("brass instrument", 0.6, classes=(180, 181, 182, 183)),
    Tag("woodwind instrument", 0.5, classes=(190, 191, 192, 193)),
    Tag("drums", 0.5, classes=(157, 159, 160, 162, 163, 164)),
    Tag("cymbal", 0.75, classes=(166, 167)),
    Tag("bell", 0.45, classes=(195, 196, 198)),
    # Weather and water.
    Tag("wind", 0.35, classes=(277, 279)),
    Tag("thunder", 0.55, classes=(280, 281)),
    Tag("rain", 0.95, classes=(283, 284, 285)),
    Tag("running water", 0.98, classes=(282, 286, 287, 443, 444)),
    Tag("splashing", 0.7, classes=(439, 440)),
    Tag("waves", 0.85, classes=(288, 289)),
    # Traffic.
    Tag("vehicle", 0.6, classes=(294, 300, 301)),
    Tag("car horn", 0.3, label=1, unless=(132,)),
    Tag("siren", 0.7, classes=(317, 318, 319, 390), unless=(132,)),
    Tag("engine", 0.55, classes=(337, 342, 343, 345, 346)),
    Tag("motorcycle", 0.7, classes=(320,)),
    Tag("train", 0.98, classes=(322, 323, 326)),
    Tag("aircraft", 0.85, classes=(329, 330, 331, 334)),
    Tag("helicopter", 0.8, classes=(333,)),
    Tag("boat", 0.9, classes=(295, 297, 298)),
    # At home and at work.
    Tag("door", 0.5, classes=(348, 352)),
    Tag("knocking", 0.6, classes=(353,)),
    Tag("doorbell", 0.7, classes=(349, 350)),
    Tag("telephone", 0.65, classes=(383, 384, 385, 386)),
    Tag("alarm", 0.99, classes=(382, 389, 393, 394)),
    Tag("clock ticking", 0.7, classes=(401, 402)),
    Tag("typing", 0.7, classes=(378, 380)),
    Tag("dishes", 0.7, classes=(358, 359)),
    Tag("clinking glass", 0.8, classes=(435, 436)),
    Tag("water tap", 0.7, classes=(364, 365)),
    Tag("toilet flush", 0.3, classes=(368,)),
    Tag("vacuum cleaner", 0.6, classes=(371,)),
    Tag("camera", 0.35, classes=(410, 411)),
    Tag("hammering", 0.3, classes=(413,)),
    Tag("sawing", 0.2, classes=(415, 341)),
    Tag("drilling", 0.75, label=4),
    Tag("jackhammer", 0.97, label=7),
    Tag("air conditioner", 0.7, label=0),
    Tag("heartbeat", 0.65, classes=(59,)),
    # Bangs.
    Tag("gun shot", 0.5, label=6, unless=(132,)),
    Tag("fireworks", 0.9, classes=(426, 427)),
    Tag("explosion", 0.9, classes=(420,)),
)
