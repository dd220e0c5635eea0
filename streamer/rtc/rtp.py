"""Use of aiortc's private names: encoded frames, sender reports, key frames, timestamps, codecs.

aiortc 1.16 (pinned in pyproject.toml) offers none of these in public: its decoder queue has no bound, its
sender reports end in statistics. How media goes out is in `packet_sender`.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from aiortc import RTCPeerConnection, RTCRtpCodecParameters, RTCRtpReceiver, RTCRtpSender, RTCRtpTransceiver
from aiortc.rtp import AnyRtcpPacket, RtcpByePacket, RtcpSrPacket

from streamer.clock import now
from streamer.rtc import packet_length
from streamer.rtc.bitstream import is_keyframe, refusal
from streamer.rtc.picture_buffer import PictureBuffer
from streamer.rtc.steady_buffer import SteadyBuffer

DECODER_BACKLOG = {"video": 10, "audio": 25}
"""Frames that may wait for the decoder: a third of a second of pictures, half a second of sound."""

_MASK = 0xFFFFFFFF

_Task: TypeAlias = tuple[Any, Any] | None
"""What aiortc puts on a decoder's queue: (codec parameters, frame with .data and .timestamp); None ends it."""


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One depayloaded frame as it came off the wire.

    Attributes:
        codec: "VP8", "H264", "opus", …
        data: the bitstream; H264 as Annex B.
        pts: ticks of the stream's RTP clock since its first frame.
        keyframe: whether decoding may start here; always True for sound.
        arrival: when its last packet came, the server's time in seconds; sound in longer packets as if it had come in
            such of 20 ms.
    """

    codec: str
    data: bytes
    pts: int
    keyframe: bool
    arrival: float


def _private(owner: object, name: str) -> Any:
    """Read an attribute that its class hides by name mangling."""
    return getattr(owner, f"_{type(owner).__name__}{name}")


class DecoderQueue(queue.Queue[_Task]):
    """A bounded stand-in for a receiver's decoder queue that shows each encoded frame to a listener first.

    `put` runs on the event loop, `get` in the decoder's thread. Full, it drops the oldest sound; a picture
    depends on the one before, so of video it drops everything up to the next key frame.

    Args:
        kind: "audio" or "video".
        on_frame: called on the loop with every frame, also those that the decoder never gets.
        on_backlog: called on the loop when video starts to be dropped: a key frame is wanted.
        on_refused: called once on the loop with the reason when a picture must not be decoded; from then on
            nothing is handed on.
    """

    def __init__(
        self,
        kind: str,
        on_frame: Callable[[EncodedFrame], None],
        on_backlog: Callable[[], None] | None = None,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        super().__init__()
        self.kind = kind
        self.dropped = 0
        self._backlog = DECODER_BACKLOG[kind]
        self._on_frame = on_frame
        self._on_backlog = on_backlog
        self._on_refused = on_refused
        self._refused = False
        self._until_keyframe = False

    def put(self, item: _Task, block: bool = True, timeout: float | None = None) -> None:
        """Take what aiortc hands to the decoder; never blocks."""
        waiting: deque[_Task] = self.queue
        if item is None:
            # The loop joins the decoder's thread next: leave it nothing to do.
            with self.mutex:
                waiting.clear()
            super().put(None)
            return
        codec, frame = item
        if self._refused or self._refuses(codec.name, frame.data):
            self.dropped += 1
            return
        sound = self.kind == "audio"
        arrival = now()
        if sound:
            arrival = frame.arrival - packet_length.seconds_of(codec.name, frame.data) + packet_length.USUAL
        encoded = EncodedFrame(codec.name, frame.data, frame.timestamp, is_keyframe(codec.name, frame.data), arrival)
        self._on_frame(encoded)
        full = self.qsize() >= self._backlog
        if sound:
            if full:
                with self.mutex:
                    if waiting:
                        waiting.popleft()
                        self.dropped += 1
        elif encoded.keyframe:
            self._until_keyframe = False
            if full:
                with self.mutex:
                    self.dropped += len(waiting)
                    waiting.clear()
        elif full or self._until_keyframe:
            self.dropped += 1
            if not self._until_keyframe and self._on_backlog is not None:
                self._on_backlog()
            self._until_keyframe = True
            return
        super().put(item)

    def _refuses(self, codec: str, data: bytes) -> bool:
        reason = refusal(codec, data) if self.kind == "video" else None
        if reason is None:
            return False
        self._refused = True
        if self._on_refused is not None:
            self._on_refused(reason)
        return True


def tap_encoded(
    receiver: RTCRtpReceiver,
    on_frame: Callable[[EncodedFrame], None],
    on_backlog: Callable[[], None] | None = None,
    on_refused: Callable[[str], None] | None = None,
    age: float = packet_length.USUAL,
) -> DecoderQueue:
    """Show every encoded frame of a receiver to `on_frame` and bound what waits for its decoder.

    Sound and pictures go there sooner than aiortc would hand them on, see `SteadyBuffer` and `PictureBuffer`.

    Call it before the transport connects (right after `setRemoteDescription`): the decoder's thread keeps the
    queue that it was started with.

    Args:
        receiver: not connected yet.
        on_frame: see `DecoderQueue`, also for the next two.
        on_backlog: for video.
        on_refused: for video.
        age: seconds that sound is held for, counted from a packet's first sample.

    Raises:
        RuntimeError: the decoder runs already.
    """
    if _private(receiver, "__decoder_thread") is not None:
        raise RuntimeError("the receiver's decoder runs already: tap it before the transport connects")
    tap = DecoderQueue(_private(receiver, "__kind"), on_frame, on_backlog, on_refused)
    setattr(receiver, "_RTCRtpReceiver__decoder_queue", tap)  # noqa: B010 - mangled
    buffer = SteadyBuffer(receiver, tap.put, age) if tap.kind == "audio" else PictureBuffer()
    setattr(receiver, "_RTCRtpReceiver__jitter_buffer", buffer)  # noqa: B010
    return tap


def on_sender_report(receiver: RTCRtpReceiver, callback: Callable[[float, int], None]) -> None:
    """Call back with each RTCP sender report of the receiver's stream.

    Args:
        receiver: whose reports.
        callback: gets NTP seconds (since 1900) and the RTP timestamp (32 bits) of the same moment.
    """
    handle: Callable[[AnyRtcpPacket], Awaitable[None]] = receiver._handle_rtcp_packet
    retransmissions: dict[int, int] = _private(receiver, "__rtx_ssrc")

    async def handle_and_report(packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpByePacket):
            # aiortc would end the track for good, but browsers say BYE when a microphone is unplugged and send on,
            # with the same SSRC, when there is another. Who really leaves closes the connection.
            return
        await handle(packet)
        if isinstance(packet, RtcpSrPacket) and packet.ssrc not in retransmissions:
            # aiortc itself reports (0, 0) until it has sent a packet.
            if packet.sender_info.ntp_timestamp:
                callback(packet.sender_info.ntp_timestamp / (1 << 32), packet.sender_info.rtp_timestamp)

    setattr(receiver, "_handle_rtcp_packet", handle_and_report)  # noqa: B010 - an instance attribute over a method


def pts_of(receiver: RTCRtpReceiver, rtp_timestamp: int) -> int | None:
    """Turn an RTP timestamp into the receiver's pts.

    Args:
        receiver: its first frame has pts 0.
        rtp_timestamp: 32 bits.

    Returns:
        ticks modulo 2^32, or None while no frame has come.
    """
    origin: int | None = _private(receiver, "__timestamp_mapper")._origin
    return None if origin is None else (rtp_timestamp - origin) & _MASK


async def request_keyframe(receiver: RTCRtpReceiver) -> bool:
    """Send a picture loss indication (RFC 4585, 6.3.1) for the receiver's stream.

    Returns:
        False while no packet has come, for then the stream's SSRC is unknown.
    """
    retransmissions: dict[int, int] = _private(receiver, "__rtx_ssrc")
    sources = [ssrc for ssrc in _private(receiver, "__remote_streams") if ssrc not in retransmissions]
    if not sources:
        return False
    await receiver._send_rtcp_pli(sources[-1])
    return True


def on_keyframe_request(sender: RTCRtpSender, callback: Callable[[], None]) -> None:
    """Call back when the viewer behind a sender asks for a key frame (PLI or FIR)."""
    note = sender._send_keyframe

    def note_and_tell() -> None:
        note()
        callback()

    setattr(sender, "_send_keyframe", note_and_tell)  # noqa: B010 - an instance attribute over a method


def prefer_codecs(pc: RTCPeerConnection, mime_types: list[str]) -> None:
    """Order the codecs of all transceivers; those not named stay, last.

    On the answering side call it between `setRemoteDescription` and `createAnswer`, on the offering side
    before `createOffer`. A sender uses the first codec.

    Args:
        pc: the connection.
        mime_types: for instance ["video/VP8", "video/H264"], the most wanted first; a kind of which none is named
            is left alone.
    """
    wanted = [mime.lower() for mime in mime_types]

    def rank(mime: str) -> int:
        return wanted.index(mime.lower()) if mime.lower() in wanted else len(wanted)

    for transceiver in pc.getTransceivers():
        kind = transceiver.kind
        if not any(mime.startswith(f"{kind}/") for mime in wanted):
            continue
        offered = RTCRtpSender.getCapabilities(kind).codecs
        transceiver.setCodecPreferences(sorted(offered, key=lambda codec: rank(codec.mimeType)))
        # aiortc consults the preferences only while it reads the remote description, which is before the
        # answering side has a transceiver to set them on: what it agreed on is put in order here.
        transceiver._codecs = _in_order(transceiver._codecs, rank)


def _in_order(codecs: list[RTCRtpCodecParameters], rank: Callable[[str], int]) -> list[RTCRtpCodecParameters]:
    """Sort codecs by rank; each retransmission format keeps behind the codec that it is for."""
    places: dict[object, tuple[int, int]] = {
        codec.payloadType: (rank(codec.mimeType), place) for place, codec in enumerate(codecs)
    }

    def order(codec: RTCRtpCodecParameters) -> tuple[tuple[int, int], bool]:
        resent = codec.name.lower() == "rtx"
        payload = codec.parameters.get("apt") if resent else codec.payloadType
        return places.get(payload, (len(codecs), 0)), resent

    return sorted(codecs, key=order)


def negotiated_codec(transceiver: RTCRtpTransceiver) -> str | None:
    """Return the codec that a transceiver's sender uses, for instance "VP8"; None before negotiation."""
    codecs = transceiver._codecs
    return str(codecs[0].name) if codecs else None
