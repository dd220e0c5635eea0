"""Who hears and sees whom: everybody all the others."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.mixing.listen_track import VoiceBlock
from streamer.rooms.participant import Participant


def route_voice(participants: Mapping[str, Participant], speaker: Participant, block: VoiceBlock) -> None:
    """Give a participant's sound to everybody else who watches.

    Args:
        participants: everyone in the room.
        speaker: whose sound.
        block: 20 ms of it.
    """
    for other in participants.values():
        if other is not speaker and other.watcher is not None:
            other.watcher.listen.feed(speaker.id, block)


def route_pictures(participants: Mapping[str, Participant]) -> None:
    """Give everyone who watches the pictures that there are now, but not their own.

    Args:
        participants: everyone in the room.
    """
    sources = {
        participant.id: participant.publisher.source
        for participant in participants.values()
        if participant.publisher is not None and participant.publisher.has_video and participant.publisher.connected
    }
    for participant in participants.values():
        if participant.watcher is not None:
            participant.watcher.assign({who: source for who, source in sources.items() if who != participant.id})
