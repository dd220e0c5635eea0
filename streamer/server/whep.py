"""Watch and hear: `POST /rooms/{room}/whep`, one mixed sound and up to seven pictures."""

from __future__ import annotations

from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.session import Session
from streamer.rtc.sdp import WATCH
from streamer.server.endpoint import session_routes


async def watch(room: Room, participant: Participant, offer: str) -> tuple[Session, str]:
    """Begin to send a participant the others; a new session takes the place of the one before.

    Args:
        room: where.
        participant: who listens.
        offer: checked SDP.

    Returns:
        The session and the SDP answer.

    Raises:
        BadSdp: the offer cannot be used.
    """
    return await room.watch(participant, offer)


router = session_routes("whep", "watch", WATCH, watch)
