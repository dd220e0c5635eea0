"""A publisher: one WHIP connection, read into blocks and pictures, its encoded video kept for relaying."""

from __future__ import annotations

from collections.abc import Callable

import av
from aiortc import RTCPeerConnection

from streamer.rooms.session import Session
from streamer.rtc import rtp
from streamer.rtc.blocks import AudioBlock
from streamer.rtc.ingest import Ingest
from streamer.rtc.peer import Peer
from streamer.rtc.relay import VIDEO_CODECS, VideoSource

LIPS_AGE = 0.06
"""Seconds that the first sample of a packet is old when the models get it, where there is a camera: most pictures of
that time have been looked at by then. Lips that are 40 ms later cost 0.5 dB (models/train/separation/RESULTS.md)."""

HOLD = 0.08
"""Seconds that pictures wait for their sound where it is separated."""


class Publisher(Session):
    """Receives one participant.

    Args:
        peer: its connection.
        on_audio: gets each 20 ms block.
        on_video: gets capture time (seconds) and picture.
        separates: whether models get its sound, and its pictures wait for that.
    """

    kind = "whip"

    def __init__(
        self,
        peer: Peer,
        on_audio: Callable[[AudioBlock], None],
        on_video: Callable[[float, av.VideoFrame], None],
        separates: bool,
    ) -> None:
        super().__init__(peer)
        self.source = VideoSource(HOLD if separates else 0.0)
        self._separates = separates
        self.ingest = Ingest(on_audio=on_audio, on_video=on_video, source=self.source, on_refused=peer.refuse_media)
        self.has_audio = False
        self.has_video = False

    async def close(self) -> None:
        """Stop reading and close; may be called again."""
        self.source.close()
        await self.ingest.close()
        await self.peer.close()

    def _prepare(self, pc: RTCPeerConnection) -> None:
        kinds = {receiver.track.kind for receiver in pc.getReceivers() if receiver.track is not None}
        self.has_audio, self.has_video = "audio" in kinds, "video" in kinds
        rtp.prefer_codecs(pc, VIDEO_CODECS)
        if self._separates and self.has_video:
            self.ingest.age = LIPS_AGE
        self.ingest.attach(pc)
