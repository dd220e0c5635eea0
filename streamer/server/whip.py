"""Publish: `POST /rooms/{room}/whip`, for the page, OBS and whatever else speaks RFC 9725."""

from __future__ import annotations

from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.session import Session
from streamer.rtc.sdp import PUBLISH
from streamer.server.endpoint import session_routes


async def publish(room: Room, participant: Participant, offer: str) -> tuple[Session, str]:
    """Begin to receive a participant; a new session takes the place of the one before.

    Args:
        room: where.
        participant: who.
        offer: checked SDP.

    Returns:
        The session and the SDP answer.

    Raises:
        BadSdp: the offer cannot be used.
    """
    return await room.publish(participant, offer)


router = session_routes("whip", "publish", PUBLISH, publish)
