"""How somebody in a room begins to share a screen."""

from __future__ import annotations

from streamer.auth import Denied
from streamer.rooms import screens
from streamer.rooms.errors import SeatsTaken
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.session import Session


async def share(room: Room, participant: Participant, offer: str) -> tuple[Session, str]:
    """Begin to receive a participant's screen, as somebody of its own; the one they shared before gives way.

    They are sent neither its picture nor, unless they unmute it, its sound: they have both already.

    Args:
        room: where.
        participant: who shares it.
        offer: checked SDP.

    Returns:
        The session and the SDP answer.

    Raises:
        BadSdp: the offer cannot be used.
        Denied: 403, a bare client shares none.
        Full: the server has no place for a connection.
        SeatsTaken: somebody else shares theirs.
    """
    if participant.guest_of is not None:
        room.leave(participant)
        raise Denied(403, "Only who has joined shares a screen.")
    people = room.participants.values()
    if (other := next((one for one in people if one.screen_of not in (None, participant.id)), None)) is not None:
        raise SeatsTaken(f"{other.name} is being shared: one screen at a time.")
    if (before := screens.find(people, participant)) is not None:
        room.leave(before)
    screen = Participant(screens.name(participant), "publish", screen_of=participant.id)
    room.participants[screen.id] = screen
    participant.faders.set_muted(screen.id, True)
    if participant.outbox is not None:
        participant.outbox.put(participant.faders_message(), "faders")
    try:
        return await room.publish(screen, offer)
    except BaseException:
        room.leave(screen)
        raise
