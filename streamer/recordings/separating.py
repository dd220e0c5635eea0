"""What a recording goes through: the engine, or what does its work where there is nothing to separate."""

from __future__ import annotations

from typing import Protocol

from models.common.arrays import F32, U8
from models.faces.tracker import Face
from models.voiceprint.state import Change
from streamer.engine.survey import Known
from streamer.engine.types import FaceState, Voices


class EngineLike(Protocol):
    """The part of `streamer.engine.engine.Engine` that is used here."""

    def open(self, sid: str, memory: bytes | None = None, known: Known | None = None) -> None:
        """Begin a session."""

    def close(self, sid: str) -> None:
        """End a session."""

    def find(self, sid: str, t: float, rgb: U8) -> tuple[list[Face], bool]:
        """Find faces in the next picture, on a thread of its own."""

    def seen(self, sid: str, t: float, found: list[Face], cut: bool) -> list[FaceState]:
        """Take in the faces of a picture."""

    def voice_changes(self, sid: str) -> list[Change]:
        """Tell what happened to voice prints since the last call."""

    def joined(self, sid: str) -> list[tuple[int, int]]:
        """Tell which speakers turned out to be somebody else known, (gone, stays) each, in order."""

    def separate(self, sid: str, t: float, pcm: F32, last: bool = False) -> list[Voices]:
        """Separate a block: returns the voices of it and of those before, or none yet unless it is the last."""
