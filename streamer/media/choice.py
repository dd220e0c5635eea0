"""Which sound of a file is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Choice:
    """Which of the sound tracks are heard, and as what.

    Attributes:
        track: Number, from 1; None is the first with sound in it.
        mix: Whether all are heard together.
        microphones: What is a microphone before one person each: every track, every channel of the track, or neither.
    """

    track: int | None = None
    mix: bool = False
    microphones: Literal["tracks", "channels"] | None = None
