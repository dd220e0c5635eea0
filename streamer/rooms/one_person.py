"""Two numbers that turned out to be one person's: names, faders and lines go over to the one that stays."""

from __future__ import annotations

from collections.abc import Iterable

from streamer.rooms.captions import Captions
from streamer.rooms.participant import Participant


def make_one(
    participant: Participant, gone: int, stays: int, people: Iterable[Participant], captions: Captions
) -> None:
    """Let one face or voice of a participant be another from now on.

    Args:
        participant: whose camera and microphone they are before.
        gone: the number that is not used any more.
        stays: the other; what was set for it holds, the rest is taken from `gone`.
        people: everyone in the room.
        captions: of the room.
    """
    name = participant.face_names.pop(gone, None)
    if name is not None:
        participant.face_names.setdefault(stays, name)
    for listener in people:
        listener.join_faders(participant.id, gone, stays)
    captions.join(participant, gone, stays)
