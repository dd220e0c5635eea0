"""A publisher's pictures to its viewers: passed on as they came if the codec fits, else encoded once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import av

from streamer.clock import now
from streamer.limits import Bucket
from streamer.rtc.bandwidth import MOST, Demand
from streamer.rtc.bitstream import h264_units
from streamer.rtc.packet_sender import h264_payloads, vp8_chunks
from streamer.rtc.video_encoder import SharedEncoder

VIDEO_RATE = 90_000

VIDEO_CODECS = ["video/VP8", "video/H264"]
"""Codecs of pictures, the one everybody is asked for first: a picture is relayed as it came where both ends agree."""

KEYFRAME_INTERVAL = 0.5
"""Least seconds between two key frame requests to one publisher."""

VIEWERS_ASK_A_SECOND, VIEWERS_ASK_AT_ONCE = 0.5, 6.0
"""Key frames that all viewers of a picture together get for what they say they lost, as many as one alone: each takes
ten pictures' worth of the publisher's uplink from everybody. It serves all, so that after a loss a picture stands still
for at most two seconds, however many ask."""

BACKLOG = 60
"""Encoded pictures of one publisher that may be held back: a burst of twenty times what 30 a second make."""


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
        dropped: encoded pictures that came faster than they may.
    """

    frames: int
    keyframes: int
    keyframe_requests: int
    reencoded: int
    viewers: int
    dropped: int


class Viewer(Protocol):
    """What a source plays in: a `SlotTrack`."""

    codec: str
    waiting: bool
    wanted: int

    @property
    def wants_keyframe(self) -> bool:
        """Whether a key frame would be shown now and none has come."""

    def play(self, frame: RelayFrame, chunks: list[bytes]) -> None:
        """Show the next picture, cut for packets."""

    def set_source(self, source: VideoSource | None) -> None:
        """Play another source, or none."""


class VideoSource:
    """Fans one publisher's pictures out to the slots of its viewers. For use on the event loop.

    Args:
        hold: seconds by which pictures are played later than they came.

    Attributes:
        on_keyframe_wanted: asks the publisher for a key frame; set by whoever reads the publisher.
        on_bandwidth: tells the publisher how many bits a second to send at most; likewise.
    """

    def __init__(self, hold: float = 0.0) -> None:
        self.on_keyframe_wanted: Callable[[], None] | None = None
        self.on_bandwidth: Callable[[int], None] | None = None
        self._demand = Demand()
        self._last_wanted = MOST
        self.codec: str | None = None
        self._slots: list[Viewer] = []
        self._encoders: dict[str, SharedEncoder] = {}
        self._wanted = False
        self._ordered: set[str] = set()
        self._asks: dict[str, Bucket] = {}
        self._asked_at = float("-inf")
        self._parameter_sets: dict[int, bytes] = {}
        self._hold = hold
        self._held: deque[tuple[float, RelayFrame]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._frames = self._keyframes = self._requests = self._reencoded = self._dropped = 0

    def encoded(self, frame: RelayFrame) -> None:
        """Take the next encoded picture from the wire."""
        bits = self._demand.step(now(), self._wanted_bits())
        if bits is not None and self.on_bandwidth is not None:
            self.on_bandwidth(bits)
        self._frames += 1
        self.codec = frame.codec
        if frame.codec == "H264":
            frame = self._whole(frame)
        if frame.keyframe:
            self._keyframes += 1
            self._wanted = False
        elif self._wanted or self._wanting(frame.codec):
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
            self._ordered.discard(codec)
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
                self._ordered.add(codec)
            return
        self._wanted = True
        if now() - self._asked_at >= KEYFRAME_INTERVAL and self.on_keyframe_wanted is not None:
            self._asked_at = now()
            self._requests += 1
            self.on_keyframe_wanted()

    def lost(self, codec: str) -> bool:
        """Ask for a key frame for a viewer who lost pictures.

        Args:
            codec: the form of the picture that they see.

        Returns:
            Whether one is on its way; False if viewers had as many as they may, and this one should ask again.
        """
        if codec in self._ordered or (self._wanted and codec == self.codec):
            return True
        bucket = self._asks.get(codec)
        if bucket is None:
            bucket = Bucket(VIEWERS_ASK_A_SECOND, VIEWERS_ASK_AT_ONCE, VIEWERS_ASK_AT_ONCE, now())
            self._asks[codec] = bucket
        if bucket.take(now()):
            return False
        self.request_keyframe(codec)
        return True

    def add(self, slot: Viewer) -> None:
        """Begin to play in a slot, from the next key frame on."""
        if slot not in self._slots:
            self._slots.append(slot)
        if slot.wants_keyframe:
            self.request_keyframe(slot.codec)

    def remove(self, slot: Viewer) -> None:
        """Stop playing in a slot."""
        self._demand.forget(slot)
        if slot in self._slots:
            self._slots.remove(slot)

    def note_share(self, slot: Viewer, bits: float) -> None:
        """Take what the way to a viewer carries of this picture; who has it encoded anew here has no say."""
        if slot in self._slots and slot.codec == self.codec:
            self._demand.note(slot, bits, now())

    def close(self) -> None:
        """Empty all slots and end the encoders. May be called again."""
        for slot in list(self._slots):
            slot.set_source(None)
        self._held.clear()
        if self._timer is not None:
            self._timer.cancel()
        for encoder in self._encoders.values():
            encoder.close()
        self._encoders.clear()

    def statistics(self) -> RelayStatistics:
        """Return the counts since the source was made."""
        return RelayStatistics(
            self._frames, self._keyframes, self._requests, self._reencoded, len(self._slots), self._dropped
        )

    def _wanted_bits(self) -> int:
        """Return what the largest place has use for; where nobody looks, what the last one had."""
        if wishes := [slot.wanted for slot in self._slots]:
            self._last_wanted = max(wishes)
        return self._last_wanted

    def _offer(self, frame: RelayFrame) -> None:
        """Hold a picture back for the sound; nobody holds it for one viewer alone."""
        if not any(slot.codec == frame.codec for slot in self._slots):
            return
        if len(self._held) >= BACKLOG:
            self._dropped += len(self._held)
            self._held.clear()
            for slot in self._slots:
                slot.waiting = True
        self._held.append((asyncio.get_running_loop().time() + self._hold, frame))
        if self._timer is None:
            self._play()

    def _play(self) -> None:
        """Give the slots what is due, and come back for the rest."""
        self._timer = None
        loop = asyncio.get_running_loop()
        while self._held:
            due, frame = self._held[0]
            if due > loop.time():
                self._timer = loop.call_at(due, self._play)
                return
            self._held.popleft()
            chunks = vp8_chunks(frame.data) if frame.codec == "VP8" else h264_payloads(frame.data)
            for slot in list(self._slots):
                if slot.codec == frame.codec:
                    slot.play(frame, chunks)

    def _wanting(self, codec: str) -> bool:
        """Say whether a viewer waits for a key frame that is not on its way to them."""
        if not any(slot.codec == codec and slot.wants_keyframe for slot in self._slots):
            return False
        return not any(frame.keyframe and frame.codec == codec for _, frame in self._held)

    def _encoded_as(self, codec: str) -> Callable[[float, bytes, bool], None]:
        def hand_on(t: float, data: bytes, keyframe: bool) -> None:
            self._reencoded += 1
            if keyframe:
                self._ordered.discard(codec)
            if codec != self.codec:
                if not keyframe and self._wanting(codec):
                    self.request_keyframe(codec)
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
