"""A publisher's pictures to its viewers: passed on as they came if the codec fits, else encoded once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCRtpSender, RTCRtpTransceiver
from aiortc.mediastreams import MediaStreamError

from streamer.limits import Bucket
from streamer.rtc import rtp
from streamer.rtc.bitstream import h264_units
from streamer.rtc.timeline import now
from streamer.rtc.video_encoder import SharedEncoder

VIDEO_RATE = 90_000

VIDEO_CODECS = ["video/VP8", "video/H264"]
"""Codecs of pictures, the one everybody is asked for first: a picture is relayed as it came where both ends agree."""

HOLD = 0.1
"""Pictures wait this many seconds for the sound, which aiortc holds for 80 ms and the models for 60 ms."""

KEYFRAME_INTERVAL = 0.5
"""Least seconds between two key frame requests to one publisher."""

VIEWER_ASKS_A_SECOND, VIEWER_ASKS_AT_ONCE = 0.25, 6.0
"""Key frames that one viewer may ask for in one slot: each takes ten pictures' worth of the publisher's uplink from
everybody. A viewer who loses that many sees a frozen picture for at most four seconds."""

BACKLOG = 60
"""Encoded pictures that may wait for one viewer: 2 s at 30 a second."""

_TIME_BASE = Fraction(1, VIDEO_RATE)
_MASK = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class RelayFrame:
    """An encoded picture on the publisher's timeline.

    Attributes:
        codec: "VP8" or "H264".
        data: the bitstream.
        t: seconds.
        keyframe: whether decoding may start here.
    """

    codec: str
    data: bytes
    t: float
    keyframe: bool


@dataclass(frozen=True, slots=True)
class RelayStatistics:
    """Counts of one source.

    Attributes:
        frames: encoded pictures that came.
        keyframes: key frames among them.
        keyframe_requests: how often the publisher was asked for one.
        reencoded: pictures encoded here.
        viewers: slots that play it now.
    """

    frames: int
    keyframes: int
    keyframe_requests: int
    reencoded: int
    viewers: int


class VideoSource:
    """Fans one publisher's pictures out to the slots of its viewers. For use on the event loop.

    Attributes:
        on_keyframe_wanted: asks the publisher for a key frame; set by whoever reads the publisher.
    """

    def __init__(self) -> None:
        self.on_keyframe_wanted: Callable[[], None] | None = None
        self.codec: str | None = None
        self._slots: list[SlotTrack] = []
        self._encoders: dict[str, SharedEncoder] = {}
        self._wanted = False
        self._asked_at = float("-inf")
        self._parameter_sets: dict[int, bytes] = {}
        self._frames = self._keyframes = self._requests = self._reencoded = 0

    def encoded(self, frame: RelayFrame) -> None:
        """Take the next encoded picture from the wire."""
        self._frames += 1
        self.codec = frame.codec
        if frame.codec == "H264":
            frame = self._whole(frame)
        if frame.keyframe:
            self._keyframes += 1
            self._wanted = False
        elif self._wanted or any(slot.codec == self.codec and slot.waiting for slot in self._slots):
            self.request_keyframe()
        self._offer(frame)

    def decoded(self, t: float, frame: av.VideoFrame) -> None:
        """Take a decoded picture, for viewers whose codec is another one.

        Args:
            t: seconds.
            frame: not changed but for its pts, time base and picture type.
        """
        needed = {slot.codec for slot in self._slots} - {self.codec}
        for codec in set(self._encoders) - needed:
            self._encoders.pop(codec).close()
        for codec in needed:
            encoder = self._encoders.get(codec)
            if encoder is None:
                encoder = self._encoders[codec] = SharedEncoder(codec, self._encoded_as(codec))
            encoder.offer(t, frame)

    def request_keyframe(self, codec: str | None = None) -> None:
        """Ask for a key frame, the publisher at most every `KEYFRAME_INTERVAL`.

        Args:
            codec: which form of the picture: None or the publisher's own, or one that is encoded here.
        """
        if codec is not None and codec != self.codec and self.codec is not None:
            if codec in self._encoders:
                self._encoders[codec].request_keyframe()
            return
        self._wanted = True
        if now() - self._asked_at >= KEYFRAME_INTERVAL and self.on_keyframe_wanted is not None:
            self._asked_at = now()
            self._requests += 1
            self.on_keyframe_wanted()

    def add(self, slot: SlotTrack) -> None:
        """Begin to play in a slot, from the next key frame on."""
        if slot not in self._slots:
            self._slots.append(slot)
        self.request_keyframe(slot.codec)

    def remove(self, slot: SlotTrack) -> None:
        """Stop playing in a slot."""
        if slot in self._slots:
            self._slots.remove(slot)

    def close(self) -> None:
        """Empty all slots and end the encoders. May be called again."""
        for slot in list(self._slots):
            slot.set_source(None)
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()

    def statistics(self) -> RelayStatistics:
        """Return the counts since the source was made."""
        return RelayStatistics(self._frames, self._keyframes, self._requests, self._reencoded, len(self._slots))

    def _offer(self, frame: RelayFrame) -> None:
        for slot in self._slots:
            if slot.codec == frame.codec:
                slot.offer(frame)

    def _encoded_as(self, codec: str) -> Callable[[float, bytes, bool], None]:
        def hand_on(t: float, data: bytes, keyframe: bool) -> None:
            self._reencoded += 1
            if codec != self.codec:
                self._offer(RelayFrame(codec, data, t, keyframe))

        return hand_on

    def _whole(self, frame: RelayFrame) -> RelayFrame:
        """Return the same H264 frame, fit for whoever begins with it and for aiortc's packetizer.

        Some senders send SPS (7) and PPS (8) once, and a viewer who comes later needs them too; an empty NAL unit
        would end the viewer's sender.
        """
        units = h264_units(frame.data)
        self._parameter_sets |= {kind: unit for kind, unit in units if kind in (7, 8)}
        if frame.keyframe:
            kinds = {kind for kind, _ in units}
            units = [item for item in sorted(self._parameter_sets.items()) if item[0] not in kinds] + units
        data = b"".join(b"\x00\x00\x00\x01" + unit for _, unit in units)
        return RelayFrame(frame.codec, data, frame.t, frame.keyframe)


class SlotTrack(MediaStreamTrack):
    """What one video m-line of a viewer plays: now this publisher, now that, or nothing.

    Packets have pts = round(t * 90000) + a shift that only grows when a new source's time lies before the old
    one's, so that timestamps never go back; `rtp_base` includes it.

    Args:
        codec: what the viewer's sender sends; `bind` sets it from the negotiation.
        hold: seconds by which pictures are played later than they came.
        on_rtp_base: called with a new `rtp_base`.
    """

    kind = "video"

    def __init__(
        self, codec: str = "VP8", hold: float = HOLD, on_rtp_base: Callable[[int], None] | None = None
    ) -> None:
        super().__init__()
        self.codec = codec
        self.hold = hold
        self.source: VideoSource | None = None
        self.waiting = True
        self.dropped = 0
        self.played = 0
        self.rtp_base: int | None = None
        self._on_rtp_base = on_rtp_base
        self._sender: RTCRtpSender | None = None
        self._asks = Bucket(VIEWER_ASKS_A_SECOND, VIEWER_ASKS_AT_ONCE, VIEWER_ASKS_AT_ONCE, now())
        self._lost = self._asked = False
        self._queue: deque[tuple[float, RelayFrame]] = deque()
        self._changed = asyncio.Event()
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
        self._sender = transceiver.sender
        self._sender.replaceTrack(self)
        rtp.on_keyframe_request(self._sender, self._viewer_lost_picture)

    def set_source(self, source: VideoSource | None) -> None:
        """Play another publisher from its next key frame on, or (None) nothing: the last picture stays."""
        if source is self.source:
            return
        if self.source is not None:
            self.source.remove(self)
        self._queue.clear()
        self.source = source
        self.waiting = True
        self._fresh = True
        self._lost = self._asked = False
        if source is not None and self.readyState == "live":
            source.add(self)

    def offer(self, frame: RelayFrame) -> None:
        """Take the source's next picture; until the first key frame they are thrown away."""
        if self.waiting and not frame.keyframe:
            return
        if frame.keyframe:
            self._lost = self._asked = False
        else:
            self._ask()
        if len(self._queue) >= BACKLOG:
            self.dropped += len(self._queue)
            self._queue.clear()
            if not frame.keyframe:
                self.dropped += 1
                self.waiting = True
                return
        self.waiting = False
        self._queue.append((asyncio.get_running_loop().time() + self.hold, frame))
        self._changed.set()

    async def recv(self) -> av.Packet[Any]:
        """Wait for the next picture; never fails while the slot lives, for that would end the sender.

        Raises:
            MediaStreamError: the slot was stopped.
        """
        self._note_rtp_base()
        loop = asyncio.get_running_loop()
        while True:
            if self.readyState != "live":
                raise MediaStreamError
            if not self._queue:
                self._changed.clear()
                await self._changed.wait()
                continue
            wait = self._queue[0][0] - loop.time()
            if wait <= 0:
                break
            # The queue may be emptied meanwhile by a change of source.
            await asyncio.sleep(wait)
        return self._packet(self._queue.popleft()[1])

    def stop(self) -> None:
        """End the slot and leave its source."""
        self.set_source(None)
        super().stop()
        self._changed.set()

    def _packet(self, frame: RelayFrame) -> av.Packet[Any]:
        pts = round(frame.t * VIDEO_RATE) + self._shift
        if self._last_pts is not None and pts <= self._last_pts:
            move = self._last_pts + (VIDEO_RATE // 30 if self._fresh else 1) - pts
            if self._fresh:
                self._shift += move
                self._set_rtp_base((self.rtp_base + move) & _MASK if self.rtp_base is not None else None)
            pts += move
        self._fresh = False
        self._last_pts = pts
        self.played += 1
        packet: av.Packet[Any] = av.Packet(frame.data)
        packet.pts = packet.dts = pts
        packet.time_base = _TIME_BASE
        packet.is_keyframe = frame.keyframe
        return packet

    def _note_rtp_base(self) -> None:
        # The sender asks for a picture only when the one before is out, so both numbers are of the same one.
        if self.rtp_base is None and self._last_pts is not None and self._sender is not None:
            origin = rtp.timestamp_origin(self._sender, self._last_pts)
            if origin is not None:
                self._set_rtp_base((origin + self._shift) & _MASK)

    def _set_rtp_base(self, base: int | None) -> None:
        self.rtp_base = base
        if base is not None and self._on_rtp_base is not None:
            self._on_rtp_base(base)

    def _viewer_lost_picture(self) -> None:
        self._lost = True
        self._ask()

    def _ask(self) -> None:
        """Ask for the key frame that the viewer wants, now or with a later picture, when they may again."""
        if self.source is None or not self._lost or self._asked:
            # Of one loss a viewer tells several times, until the key frame is there.
            return
        if not self._asks.take(now()):
            self._asked = True
            self.source.request_keyframe(self.codec)
