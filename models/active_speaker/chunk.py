"""A short piece of sound and picture in which at most one person speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from models.common.arrays import F32

CHUNK = 0.2
"""Seconds of a chunk."""

SPAN = 1.4
"""Seconds of sound around a chunk that its speaker embedding is made of."""

SPEECH, OVERLAP = 0.5, 0.4
"""Probability of speech from which, and of overlapping speech up to which, a chunk tells who speaks."""


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


@dataclass(frozen=True)
class Judged:
    """A chunk whose speakers are decided.

    Attributes:
        speech: probability that anybody speaks.
        overlap: that several do.
        speakers: probability of each that it is the one.
    """

    speech: float
    overlap: float
    speakers: Mapping[int, float]
