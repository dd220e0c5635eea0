"""What a chunk of sound and picture says of who speaks in it: log-likelihood ratios of lips and of voices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32, F64

CHUNK = 0.2
"""Seconds of a chunk."""

SPAN = 1.4
"""Seconds of sound around a chunk that its speaker embedding is made of."""

SPEECH, OVERLAP = 0.5, 0.4
"""Probability of speech from which, and of overlapping speech up to which, a chunk tells who speaks."""

OWN, OTHER = (0.66, 0.08), (0.40, 0.085)
"""Mean and standard deviation of the cosine of 1.4 s of a voice with more of the same voice, and of another.

Measured with CAM++ on 26 strangers.
"""


@dataclass(frozen=True)
class Prior:
    """What is believed before anything is seen. Fitted on composed conversations of strangers.

    Attributes:
        silent: mean and spread over people of each lip feature while silent.
        rise: of what speaking adds to it.
        noise: standard deviation of each feature within a person.
        lips: weight of the lips' likelihood ratio a chunk: neighbouring chunks are alike.
        voice: of the voice's.
        stay: probability that the next chunk has the same speaker.
        unseen: log-odds a chunk of a face that is not in the picture, against one that is.
        off_camera: of a voice that belongs to no face.
        stranger: of a voice that was never heard before.
    """

    silent: tuple[tuple[float, float], ...] = ((-2.4, 0.4), (-0.95, 1.0))
    rise: tuple[tuple[float, float], ...] = ((0.4, 0.4), (0.66, 0.8))
    noise: tuple[float, ...] = (0.4, 0.3)
    lips: float = 0.45
    voice: float = 0.31
    stay: float = 0.94
    unseen: float = -0.9
    off_camera: float = -0.45
    stranger: float = -1.15


@dataclass
class Chunk:
    """0.2 s of sound and picture.

    Attributes:
        speech: probability that anybody speaks, 0..1.
        overlap: that several do, 0..1.
        lips: by face, `lip_features`; faces that are not to be seen are absent.
        voice: unit-length speaker embedding of the `SPAN` around it, None while not known or without speech.
    """

    speech: float
    overlap: float
    lips: Mapping[int, F32]
    voice: F32 | None = None

    @property
    def tells(self) -> bool:
        """Whether one person alone speaks in it."""
        return self.speech > SPEECH and self.overlap < OVERLAP


def lip_features(lips: F32) -> F32 | None:
    """How much a mouth moved within 0.4 s.

    Args:
        lips: (K, 4) lip numbers of its pictures in order, as `models.faces.face.Face.lips`.

    Returns:
        (2,) log of the mean change a picture, and log of the spread of the opening; None for less than 6 pictures.
    """
    if len(lips) < 6:
        return None
    # A jump of a whole eye distance between pictures is the mesh catching a face, not speech.
    change = np.minimum(np.abs(np.diff(lips, axis=0)).mean(axis=1), 2.0).mean()
    spread = (lips[:, 0] + lips[:, 1]).std()
    return np.array([np.log(change + 0.02), np.log(spread + 0.05)], np.float32)


def lip_ratio(features: F64, means: F64, prior: Prior) -> F64:
    """Log-likelihood ratio of speaking against silence.

    Args:
        features: (..., 2), `lip_features`.
        means: (2, 2), `SpeakerInference.lip_means`.
        prior: for the noise.

    Returns:
        (...), -8..8.
    """
    silent, rise = means[:, 0], means[:, 1]
    # Lips that move even more than usual do not speak even more.
    value = np.clip(features, silent - 0.5, silent + rise + 0.5)
    ratio: F64 = np.clip((value - silent - rise / 2) * rise / np.square(prior.noise), -4, 4).sum(axis=-1)
    return ratio


def likelihood_ratio(cosine: F64) -> F64:
    """Log-likelihood ratio of "the same voice" from cosines, -8..8.

    Nearer than usual is no less the same, and farther than usual no less another.
    """
    own = -0.5 * ((np.minimum(cosine, OWN[0]) - OWN[0]) / OWN[1]) ** 2 - np.log(OWN[1])
    other = -0.5 * ((np.maximum(cosine, OTHER[0]) - OTHER[0]) / OTHER[1]) ** 2 - np.log(OTHER[1])
    ratio: F64 = np.clip(own - other, -8, 8)
    return ratio
