"""A publisher's tracks in: timed blocks of sound, the newest picture, and encoded frames for the relay."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCRtpReceiver
from aiortc.mediastreams import MediaStreamError

from streamer.clock import now
from streamer.rtc import rtp
from streamer.rtc.bandwidth import Uplink
from streamer.rtc.bitstream import too_large
from streamer.rtc.blocks import CALL_BLOCK, CALL_RATE, AudioBlock, BlockCutter, MonoDecoder
from streamer.rtc.latest import Latest
from streamer.rtc.packet_length import USUAL
from streamer.rtc.relay import VIDEO_RATE, RelayFrame, VideoSource
from streamer.rtc.spread import Spread
from streamer.rtc.timeline import PublisherClock, Timeline
from streamer.stages import RECEIVED, STAGES

__all__ = ["AudioBlock", "Ingest", "IngestStatistics"]

logger = logging.getLogger(__name__)

ALLOWED_RATE, ALLOWED_BURST = 60.0, 150.0
"""Blocks of sound taken a second in the long run (real time is 50), and at once."""


@dataclass(frozen=True, slots=True)
class IngestStatistics:
    """Counts of one publisher since it came.

    Attributes:
        audio_blocks: blocks handed on.
        audio_filled: samples of silence put into gaps.
        audio_refused: blocks that came far faster than real time and were dropped.
        video_frames: decoded pictures handed on.
        video_skipped: decoded pictures passed over for a newer one.
        encoded_frames: encoded pictures handed to the relay.
        decoder_dropped: encoded frames that the decoder was too slow for.
        reported: whether sound and picture are aligned by sender reports.
    """

    audio_blocks: int
    audio_filled: int
    audio_refused: int
    video_frames: int
    video_skipped: int
    encoded_frames: int
    decoder_dropped: int
    reported: bool


class _Stream:
    """What belongs to one receiver."""

    def __init__(self, receiver: RTCRtpReceiver, clock: PublisherClock) -> None:
        self.receiver = receiver
        self.track: MediaStreamTrack = receiver.track
        self.kind: str = self.track.kind
        self.clock = clock
        self.timeline: Timeline | None = None
        self.tap: rtp.DecoderQueue | None = None
        self.early_report: tuple[float, int, float] | None = None

    def stamp(self, frame: rtp.EncodedFrame) -> float:
        if self.timeline is None:
            rate = VIDEO_RATE if self.kind == "video" else 48_000 if frame.codec.lower() == "opus" else 8_000
            self.timeline = Timeline(rate, self.clock)
        t = self.timeline.stamp(frame.pts, frame.arrival)
        if self.early_report is not None:
            ntp, stamp, arrival = self.early_report
            self.early_report = None
            self.report(ntp, stamp, arrival)
        return t

    def report(self, ntp: float, rtp_timestamp: int, arrival: float) -> None:
        pts = rtp.pts_of(self.receiver, rtp_timestamp)
        if self.timeline is None or pts is None:
            self.early_report = (ntp, rtp_timestamp, arrival)
        else:
            self.timeline.report(ntp, pts, arrival)

    def time(self, frame: av.AudioFrame | av.VideoFrame) -> float:
        assert self.timeline is not None, "a frame was decoded that never passed the tap"
        assert frame.pts is not None and frame.time_base is not None
        return self.timeline.time(round(frame.pts * frame.time_base * self.timeline.clock_rate))


class Ingest:
    """Reads all tracks that a publisher sends.

    The callbacks run on the event loop and must not block.

    Args:
        on_audio: gets each block of 20 ms.
        on_video: gets (t in seconds, decoded frame): the newest; those that came meanwhile are passed over.
        source: the relay that gets the encoded (and, where it must re-encode, decoded) pictures.
        on_refused: called with the reason when a picture is not decoded, and none after it.

    Attributes:
        age: seconds that sound is held for, counted from a packet's first sample; for those who come later.
    """

    def __init__(
        self,
        on_audio: Callable[[AudioBlock], None] | None = None,
        on_video: Callable[[float, av.VideoFrame], None] | None = None,
        source: VideoSource | None = None,
        on_refused: Callable[[str], None] | None = None,
    ) -> None:
        self._on_audio = on_audio
        self._on_video = on_video
        self._on_refused = on_refused
        self._source = source
        self.age = USUAL
        self.on_encoded: Callable[[RelayFrame], None] | None = None
        """Gets every encoded frame of sound and picture with its time; set by whoever records."""
        self._clock = PublisherClock()
        self._streams: dict[str, _Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._cutter = BlockCutter()
        self._spread: Spread[AudioBlock] = Spread(CALL_BLOCK / CALL_RATE, self._hand_on_block)
        self._pictures: Latest[av.VideoFrame] = Latest()
        self._audio_blocks = self._audio_refused = self._video_frames = self._encoded_frames = 0
        self._faults = 0
        self._allowance, self._allowed_at = ALLOWED_BURST, now()
        if source is not None:
            source.on_keyframe_wanted = self.request_keyframe

    def attach(self, pc: RTCPeerConnection) -> None:
        """Take every receiver of a connection that has a track and is not read yet.

        Call it right after `setRemoteDescription` and before `setLocalDescription`.
        """
        for receiver in pc.getReceivers():
            if receiver.track is not None:
                self.add(receiver)

    def add(self, receiver: RTCRtpReceiver) -> None:
        """Read a receiver; of each kind the first one, further ones are read and thrown away.

        Raises:
            RuntimeError: its transport has connected already.
        """
        if any(stream.receiver is receiver for stream in self._streams.values()):
            return
        stream = _Stream(receiver, self._clock)
        if stream.kind in self._streams:
            rtp.tap_encoded(receiver, lambda frame: None, None, self._on_refused)
            self._start(self._discard(stream.track))
            return
        self._streams[stream.kind] = stream
        tapped = self._video_encoded if stream.kind == "video" else self._audio_encoded
        stream.tap = rtp.tap_encoded(receiver, tapped, self.request_keyframe, self._on_refused, self.age)
        rtp.on_sender_report(receiver, lambda ntp, stamp: stream.report(ntp, stamp, now()))
        if stream.kind == "video":
            if self._source is not None:
                uplink = Uplink(receiver)
                self._source.on_bandwidth = lambda bits: self._start(uplink.tell(bits))
            self._start(self._read_video(stream))
            self._start(self._hand_on_pictures(stream))
        else:
            self._start(self._read_audio(stream))

    def request_keyframe(self) -> None:
        """Ask the publisher for a key frame. The relay limits how often."""
        stream = self._streams.get("video")
        if stream is not None:
            self._start(self._request_keyframe(stream.receiver))

    async def close(self) -> None:
        """Stop reading. The connection itself is closed by its owner. May be called again."""
        self._spread.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def statistics(self) -> IngestStatistics:
        """Return the counts since the publisher came."""
        lines = [stream.timeline for stream in self._streams.values() if stream.timeline is not None]
        return IngestStatistics(
            audio_blocks=self._audio_blocks,
            audio_filled=self._cutter.filled,
            audio_refused=self._audio_refused,
            video_frames=self._video_frames,
            video_skipped=self._pictures.dropped,
            encoded_frames=self._encoded_frames,
            decoder_dropped=sum(s.tap.dropped for s in self._streams.values() if s.tap is not None),
            reported=bool(lines) and all(line.reported for line in lines),
        )

    def _start(self, coroutine: Any) -> None:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            logger.error("reading a publisher failed", exc_info=task.exception())

    def _audio_encoded(self, frame: rtp.EncodedFrame) -> None:
        t = self._streams["audio"].stamp(frame)
        if self.on_encoded is not None:
            self._guarded(self.on_encoded, RelayFrame(frame.codec, frame.data, t, True))

    def _video_encoded(self, frame: rtp.EncodedFrame) -> None:
        t = self._streams["video"].stamp(frame)
        self._encoded_frames += 1
        encoded = RelayFrame(frame.codec, frame.data, t, frame.keyframe)
        if self._source is not None:
            self._guarded(self._source.encoded, encoded)
        if self.on_encoded is not None:
            self._guarded(self.on_encoded, encoded)

    async def _read_audio(self, stream: _Stream) -> None:
        decoder = MonoDecoder()
        last_t = 0.0
        try:
            while True:
                frame = await stream.track.recv()
                assert isinstance(frame, av.AudioFrame)
                for pts, pcm in decoder.step(frame):
                    blocks = []
                    for block in self._cutter.step(pts, pcm):
                        assert stream.timeline is not None
                        ticks, scale = stream.timeline.clock_rate, CALL_RATE
                        t = stream.timeline.time(pts * ticks // scale) + (block.pts - pts) / scale
                        t = last_t = max(t, last_t + 0.001)
                        blocks.append(AudioBlock(t, block.index, block.pcm, block.epoch))
                    self._spread.step(blocks, pcm.size // CALL_BLOCK)
        except MediaStreamError:
            self._spread.flush()
            self._ended(stream)

    def _hand_on_block(self, block: AudioBlock) -> None:
        # Silence for gaps could be made to multiply: a sender may skip a second of timestamps in each packet.
        self._allowance = min(self._allowance + (now() - self._allowed_at) * ALLOWED_RATE, ALLOWED_BURST)
        self._allowed_at = now()
        if self._allowance < 1.0:
            self._audio_refused += 1
            return
        self._allowance -= 1.0
        self._audio_blocks += 1
        STAGES.passed(RECEIVED, now() - block.t)
        if self._on_audio is not None:
            self._guarded(self._on_audio, block)

    def _guarded(self, callback: Callable[..., None], *arguments: Any) -> None:
        """Call back; a fault there must not stop the reading: aiortc's queue of decoded frames has no bound."""
        try:
            callback(*arguments)
        except Exception:
            self._faults += 1
            if self._faults <= 3:
                logger.exception("handing on a publisher's media failed")

    async def _read_video(self, stream: _Stream) -> None:
        try:
            while True:
                frame = await stream.track.recv()
                assert isinstance(frame, av.VideoFrame)
                if too_large(frame.width, frame.height):
                    # Its header did not say so; the tap stops all that do.
                    if self._on_refused is not None:
                        self._on_refused(f"pictures of {frame.width} x {frame.height} are too large")
                    continue
                self._pictures.put(frame)
        except MediaStreamError:
            self._pictures.close()
            self._ended(stream)

    async def _hand_on_pictures(self, stream: _Stream) -> None:
        last_t = 0.0
        async for frame in self._pictures:
            t = last_t = max(stream.time(frame), last_t + 0.001)
            self._video_frames += 1
            if self._source is not None:
                self._guarded(self._source.decoded, t, frame)
            if self._on_video is not None:
                self._guarded(self._on_video, t, frame)

    async def _discard(self, track: MediaStreamTrack) -> None:
        try:
            while True:
                await track.recv()
        except MediaStreamError:
            pass

    async def _request_keyframe(self, receiver: RTCRtpReceiver) -> None:
        try:
            await rtp.request_keyframe(receiver)
        except ConnectionError:
            logger.debug("no key frame asked for: the publisher has gone")

    def _ended(self, stream: _Stream) -> None:
        if stream.timeline is not None:
            self._clock.remove(stream.timeline)
