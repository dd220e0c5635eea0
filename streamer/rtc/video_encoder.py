"""One encoder for all viewers who cannot take a publisher's pictures as they came."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from streamer.rtc.latest import Latest

logger = logging.getLogger(__name__)

_TICKS = 90_000


def _bit_rate(width: int, height: int) -> int:
    """Return the bits a second for a talking head: 1 Mbit/s at 640x480, within what a home uplink takes."""
    return min(max(int(width * height * 3.3), 300_000), 2_500_000)


class FrameEncoder:
    """Pictures to "VP8" or "H264" packets, without delay. Not thread-safe: one thread at a time.

    Args:
        codec: "VP8" or "H264".

    Raises:
        ValueError: another codec.
    """

    def __init__(self, codec: str) -> None:
        if codec not in ("VP8", "H264"):
            raise ValueError(f"no encoder for {codec}")
        self.codec = codec
        self._context: VideoCodecContext | None = None
        self._reformatter = VideoReformatter()

    def step(self, t: float, frame: av.VideoFrame, keyframe: bool) -> tuple[bytes, bool]:
        """Encode a picture.

        Args:
            t: its time in seconds, above that of the one before.
            frame: any size and pixel format; a change of size starts with a key frame.
            keyframe: whether it must be a key frame.

        Returns:
            (bitstream, empty if the encoder left the picture out; whether it is a key frame).
        """
        # libvpx and x264 with 4:2:0 want even sides.
        width, height = frame.width & ~1, frame.height & ~1
        if frame.format.name != "yuv420p" or (width, height) != (frame.width, frame.height):
            # Not by the frame's own reformatter: others may be using that on their threads.
            frame = self._reformatter.reformat(frame, width=width, height=height, format="yuv420p")
        context = self._context
        if context is None or (context.width, context.height) != (width, height):
            context = self._context = self._open(width, height)
        # The decoder's picture type would be taken as an order, and a decoded frame is shared with others.
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        frame.pts = round(t * _TICKS)
        frame.time_base = Fraction(1, _TICKS)
        packets = context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)

    def _open(self, width: int, height: int) -> VideoCodecContext:
        name = "libvpx" if self.codec == "VP8" else "libx264"
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        rate = _bit_rate(width, height)
        context.width, context.height = width, height
        context.pix_fmt = "yuv420p"
        context.bit_rate = rate
        context.time_base = Fraction(1, _TICKS)
        context.framerate = Fraction(30, 1)
        context.gop_size = 3000  # key frames on request only
        context.thread_count = 1
        if self.codec == "VP8":
            context.qmin, context.qmax = 2, 56
            context.options = {
                "deadline": "realtime",
                "cpu-used": "-6",
                "lag-in-frames": "0",
                "error-resilient": "1",
                "maxrate": str(rate),
                "bufsize": str(rate),
                "static-thresh": "1",
            }
        else:
            context.profile = "Baseline"
            context.options = {
                "preset": "veryfast",
                "tune": "zerolatency",
                "level": "31",
                "maxrate": str(rate),
                "bufsize": str(rate),
            }
        return context


class SharedEncoder:
    """Encodes a publisher's newest picture in a thread; while it works, older ones are passed over.

    Args:
        codec: "VP8" or "H264".
        on_frame: called on the loop with (t in seconds, bitstream, whether it is a key frame).
    """

    def __init__(self, codec: str, on_frame: Callable[[float, bytes, bool], None]) -> None:
        self._encoder = FrameEncoder(codec)
        self._on_frame = on_frame
        self._pictures: Latest[tuple[float, av.VideoFrame]] = Latest()
        self._keyframe = True
        self._pool = ThreadPoolExecutor(1, f"encode-{codec}")
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def skipped(self) -> int:
        """Pictures passed over for a newer one."""
        return self._pictures.dropped

    def offer(self, t: float, frame: av.VideoFrame) -> None:
        """Give it the next picture. The encoder only sets the frame's pts and picture type."""
        self._pictures.put((t, frame))

    def request_keyframe(self) -> None:
        """Make the next picture a key frame."""
        self._keyframe = True

    def close(self) -> None:
        """End it without waiting for the picture in work. May be called again."""
        self._pictures.close()
        self._task.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        async for t, frame in self._pictures:
            keyframe, self._keyframe = self._keyframe, False
            try:
                data, is_key = await loop.run_in_executor(self._pool, self._encoder.step, t, frame, keyframe)
            except (av.FFmpegError, ValueError):
                logger.exception("a picture of %dx%d could not be encoded", frame.width, frame.height)
                self._keyframe = True
                continue
            if data:
                self._on_frame(t, data, is_key)
            elif keyframe:
                self._keyframe = True
