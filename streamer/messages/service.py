"""What the server tells of itself: how it does, where the call goes on, and how this participant's media fare."""

from __future__ import annotations

from typing import Literal

from streamer.messages.base import Message


class Status(Message):
    """Whether voices are separated now, and if not, why."""

    type: Literal["status"] = "status"
    voices_separated: bool
    reason: str


class Notice(Message):
    """What became of the server, for everyone: it is about to stop, or a part of it is down, or up again.

    The observer's process makes captions, tags and descriptions; the one that looks follows faces; what keeps the call
    in a second place fails, for instance, when its disk is full.
    """

    type: Literal["notice"] = "notice"
    code: Literal[
        "stopping", "observer_down", "observer_up", "looking_down", "looking_up", "keeping_down", "keeping_up"
    ]
    reason: str


class Moved(Message):
    """The call goes on where all until the `heard`-th message after the hello is known: join, then leave this place."""

    type: Literal["moved"] = "moved"
    heard: int


class Hearing(Message):
    """Whether all of the sound reaches this listener; if not, the machine is too busy and leaves some out."""

    type: Literal["hearing"] = "hearing"
    complete: bool


class EchoHeard(Message):
    """What this participant is sent comes back by their microphone: the others hear themselves."""

    type: Literal["echo"] = "echo"


FromService = Status | Notice | Moved | Hearing | EchoHeard
