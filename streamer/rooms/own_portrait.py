"""A participant's portrait, as long as they are in the room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from streamer.messages.portrait import PortraitState


@dataclass(frozen=True)
class OwnPortrait:
    """What stands for somebody while their camera is off.

    Attributes:
        made: Of a photo, or of their voice.
        version: Number that none before it had.
        sheet: JSON, see `models.portrait.sheet`.
    """

    made: Literal["photo", "voice"]
    version: int
    sheet: bytes

    def state(self) -> PortraitState:
        """Return what the others are sent."""
        return PortraitState(made=self.made, version=self.version)
