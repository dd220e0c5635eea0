"""The messages about the recording of a call: that there is one, and that a page shows it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streamer.messages.base import Message

RecordingId = Annotated[str, Field(min_length=1, max_length=64)]


# From the page to the server.


class RecordCall(Message):
    """Begin to record the call, or end it; for hosts."""

    type: Literal["record"]
    on: bool


class RecordingShown(Message):
    """Whoever is before this page is shown that the call is recorded; of nobody else anything is written down."""

    type: Literal["recording_shown"]
    recording: RecordingId


# From the server to the page.


class RecordingState(Message):
    """Whether the call is recorded.

    `announced`: everybody is being told, and nothing is recorded before; `recording`: its id, to be sent back when it
    is shown; `offered`: whether this server records; `since`: Unix seconds; `reason`: why it ended by itself.
    """

    type: Literal["recording"] = "recording"
    state: Literal["off", "announced", "on"]
    recording: RecordingId | None
    offered: bool
    since: float | None
    reason: str
