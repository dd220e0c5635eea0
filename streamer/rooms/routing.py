"""Who sees whom: everybody all the others whom their page shows. Who hears whom is the desk's business."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.rooms.participant import Participant


def route_pictures(participants: Mapping[str, Participant]) -> None:
    """Give everyone who watches the pictures that there are now and that they show, but not their own.

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
            widths = participant.widths
            shown = {
                who: source
                for who, source in sources.items()
                if participant.id not in (who, participants[who].screen_of) and widths.get(who) != 0
            }
            participant.watcher.assign(shown, widths)
