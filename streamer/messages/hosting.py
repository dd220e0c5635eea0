"""The messages about who may be in a room: what its host says, and what hosts and those who wait are told."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from streamer.messages.base import Message, ParticipantId
from streamer.settings import Past

# From the page to the server; all but `MuteForAll` with muted false for oneself are the host's alone.


class RoomRules(Message):
    """Who may come in, and how much of what was said and seen before they get: all, none, or the last minutes."""

    locked: bool
    waiting_room: bool
    past: Past


class SetRules(Message):
    """Settle the room's rules."""

    type: Literal["rules"]
    rules: RoomRules


class Remove(Message):
    """End somebody's stay; what they hold does not let them back."""

    type: Literal["remove"]
    participant: ParticipantId


class MuteForAll(Message):
    """Pass somebody's sound on to nobody, until they unmute themselves."""

    type: Literal["mute_for_all"]
    participant: ParticipantId
    muted: bool


class Admit(Message):
    """Let somebody in who waits, or not."""

    type: Literal["admit"]
    participant: ParticipantId
    admitted: bool


class NewLinks(Message):
    """Make the links worth nothing that there are, and new ones."""

    type: Literal["new_links"]


class EndCall(Message):
    """End the call for everyone, and make the links worth nothing."""

    type: Literal["end_call"]


FromHost = SetRules | Remove | MuteForAll | Admit | NewLinks | EndCall


# From the server to the page.


class Waiting(Message):
    """Answer to hello, for somebody whom the host has to let in; a welcome comes when that is done."""

    type: Literal["waiting"] = "waiting"


class Newcomer(Message):
    """Somebody who waits."""

    id: ParticipantId
    name: str


class WaitingList(Message):
    """For hosts: who waits to be let in."""

    type: Literal["waiting_list"] = "waiting_list"
    waiting: list[Newcomer]


class Links(Message):
    """For hosts: the invites that are good now, to take part and to watch."""

    type: Literal["links"] = "links"
    invite: Annotated[str, Field(min_length=1)]
    watch_invite: Annotated[str, Field(min_length=1)]


ForHost = Waiting | WaitingList | Links
