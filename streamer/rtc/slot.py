"""What a viewer sees in one place: pictures of this publisher or that, as one unbroken stream of packets."""

from __future__ import annotations

from collections.abc import Callable

from aiortc import RTCRtpTransceiver

from streamer.rtc import rtp
from streamer.rtc.bandwidth import MOST
from streamer.rtc.packet_sender import PacketSender, PushedTrack, vp8_payloads
from streamer.rtc.relay import VIDEO_RATE, RelayFrame, VideoSource

_MASK = 0xFFFFFFFF


class SlotTrack(PushedTrack):
    """What one video m-line of a viewer plays: now this publisher, now that, or nothing.

    Packets have pts = round(t * 90000) + a shift that only grows when a new source's time lies before the old
    one's, so that timestamps never go back; `rtp_base` includes it.

    Args:
        codec: what the viewer's sender sends; `bind` sets it from the negotiation.
        on_rtp_base: called with a new `rtp_base`.

    Attributes:
        source: what it plays.
        wanted: bits a second that the viewer has use for, at the size they show it.
        waiting: whether it waits for a key frame.
        dropped: pictures that could not be sent.
        played: pictures sent.
        rtp_base: RTP timestamp of the publisher's time 0; None before `bind`.
    """

    kind = "video"

    def __init__(self, codec: str = "VP8", on_rtp_base: Callable[[int], None] | None = None) -> None:
        super().__init__()
        self.codec = codec
        self.source: VideoSource | None = None
        self.wanted = MOST
        self.waiting = True
        self.dropped = 0
        self.played = 0
        self.rtp_base: int | None = None
        self.out: PacketSender | None = None
        self._on_rtp_base = on_rtp_base
        self._lost = self._asked = False
        self._fresh = False
        self._shift = 0
        self._last_pts: int | None = None

    def bind(self, transceiver: RTCRtpTransceiver) -> None:
        """Make a transceiver's sender play this slot.

        Call it after `setRemoteDescription` (and `prefer_codecs`). The viewer's key frame requests then reach
        the source.

        Raises:
            ValueError: no codec was negotiated.
        """
        codec = rtp.negotiated_codec(transceiver)
        if codec is None:
            raise ValueError("the transceiver has no codec yet")
        self.codec = codec
        transceiver.sender.replaceTrack(self)
        self.out = PacketSender(transceiver.sender, self._begin)
        self.rtp_base = self.out.origin
        rtp.on_keyframe_request(transceiver.sender, self._viewer_lost_picture)

    @property
    def wants_keyframe(self) -> bool:
        """Whether a key frame would be shown now and none has come."""
        return self.waiting and self.out is not None and self.out.ready

    def set_source(self, source: VideoSource | None) -> None:
        """Play another publisher from its next key frame on, or (None) nothing: the last picture stays."""
        if source is self.source:
            return
        if self.source is not None:
            self.source.remove(self)
        self.source = source
        self.waiting = True
        self._fresh = True
        self._lost = self._asked = False
        if source is not None and self.readyState == "live":
            source.add(self)

    def play(self, frame: RelayFrame, chunks: list[bytes]) -> None:
        """Send the source's next picture; until the first key frame they are thrown away.

        Args:
            frame: the picture.
            chunks: it, cut for packets: the same for all viewers.
        """
        if self.out is None or (self.waiting and not frame.keyframe):
            return
        if frame.keyframe:
            self._lost = self._asked = False
        else:
            self._ask()
        payloads = vp8_payloads(chunks, self.played) if frame.codec == "VP8" else chunks
        if self.out.send(payloads, self._pts(frame)):
            self.waiting = False
            self.played += 1
        elif self.out.ready:
            # What follows could not be decoded.
            self.waiting = True
            self.dropped += 1

    def stop(self) -> None:
        """End the slot and leave its source."""
        self.set_source(None)
        super().stop()
        # It holds the connection, which holds this.
        self.out = None

    def _begin(self) -> None:
        """Ask for the first picture at once: with the next one that comes it would be as much later."""
        if self.source is not None and self.wants_keyframe:
            self.source.request_keyframe(self.codec)

    def _pts(self, frame: RelayFrame) -> int:
        pts = round(frame.t * VIDEO_RATE) + self._shift
        if self._last_pts is not None and pts <= self._last_pts:
            move = self._last_pts + (VIDEO_RATE // 30 if self._fresh else 1) - pts
            if self._fresh:
                self._shift += move
                self._move_rtp_base(move)
            pts += move
        self._fresh = False
        self._last_pts = pts
        return pts

    def _move_rtp_base(self, move: int) -> None:
        if self.rtp_base is not None:
            self.rtp_base = (self.rtp_base + move) & _MASK
            if self._on_rtp_base is not None:
                self._on_rtp_base(self.rtp_base)

    def _viewer_lost_picture(self) -> None:
        self._lost = True
        self._ask()

    def _ask(self) -> None:
        """Ask for the key frame that the viewer wants, now or with a later picture, when viewers may again."""
        # Of one loss a viewer tells several times, until the key frame is there.
        if self.source is not None and self._lost and not self._asked:
            self._asked = self.source.lost(self.codec)
