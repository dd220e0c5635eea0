"""A face drawn for a voice, with what was guessed on the way."""

from __future__ import annotations

from dataclasses import dataclass

from models.common.arrays import F32, U8

MOST = 60.0
"""Seconds of a recording that are heard: what comes after adds nothing."""


class Unusable(ValueError):
    """There is no one voice in a recording; the message says why."""


@dataclass(frozen=True)
class DrawnFace:
    """A face of plausible gender, age and type, not a likeness.

    Attributes:
        picture: uint8 (96, 96, 3), RGB.
        embedding: (128,) of the face embedding that the voice's owner is expected to have.
        gender: "female" and "male", probabilities.
        age: groups of age, probabilities.
    """

    picture: U8
    embedding: F32
    gender: dict[str, float]
    age: dict[str, float]
