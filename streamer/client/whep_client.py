"""A WHEP viewer: knows the draft and nothing else of the server."""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCPeerConnection
from aiortc.mediastreams import MediaStreamTrack

from streamer.client.whip_client import WhipClient


class WhepClient(WhipClient):
    """One watched session; used as a `WhipClient`, from which it differs in who sends.

    Args:
        endpoint: Address of the WHEP endpoint.
        token: Sent as Bearer, if there is one.
        pictures: How many can be watched at once, beside the one sound.
        on_track: Called with each track that comes; it has to be read.
    """

    def __init__(
        self, endpoint: str, token: str | None, pictures: int, on_track: Callable[[MediaStreamTrack], None]
    ) -> None:
        super().__init__(endpoint, token, [])
        self._pictures, self._on_track = pictures, on_track

    def _prepare(self, pc: RTCPeerConnection) -> None:
        """Ask for sound and pictures."""
        pc.on("track", self._on_track)
        pc.addTransceiver("audio", direction="recvonly")
        for _ in range(self._pictures):
            pc.addTransceiver("video", direction="recvonly")
