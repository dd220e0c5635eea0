"""Media that are encoded once and sent by many: a loop of packets, for a client that has to cost little."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from models.common.arrays import F32, U8
from models.common.audio import to_pcm16
from streamer.client.marks import RATE

BLOCK = RATE // 50
SOUND_BITS, PICTURE_BITS = 64_000, 400_000


@dataclass(frozen=True)
class Loop:
    """A stretch of media.

    Attributes:
        kind: audio or video.
        packets: Opus or VP8, each as long as the others.
        rate: of them, a second.
    """

    kind: str
    packets: tuple[bytes, ...]
    rate: int


def sound_loop(pcm: F32) -> Loop:
    """Encode a sound (N,) of 48 kHz; what is beyond whole blocks is left out."""
    encoder: Any = av.CodecContext.create("libopus", "w")
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = RATE, "mono", "s16", SOUND_BITS
    packets: list[bytes] = []
    for number in range(pcm.size // BLOCK):
        block = to_pcm16(pcm[number * BLOCK : (number + 1) * BLOCK]).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(block, "s16", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, number * BLOCK, Fraction(1, RATE)
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    return Loop("audio", tuple(packets), RATE // BLOCK)


def picture_loop(pictures: list[U8], rate: int) -> Loop:
    """Encode pictures (H, W, 3) with a key frame a second: whoever comes later need not ask for one."""
    height, width = pictures[0].shape[:2]
    encoder: Any = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.bit_rate = width, height, "yuv420p", PICTURE_BITS
    encoder.time_base, encoder.gop_size = Fraction(1, rate), rate
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "default"}
    packets: list[bytes] = []
    for number, picture in enumerate(pictures):
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24").reformat(format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in encoder.encode(frame)]
    packets += [bytes(packet) for packet in encoder.encode(None)]
    return Loop("video", tuple(packets), rate)


class LoopTrack(MediaStreamTrack):
    """Plays a loop without end, each packet when the last of what is in it would have been recorded.

    Args:
        loop: what is played.
        origin: monotonic time of its beginning.
        clock: monotonic time.
    """

    def __init__(self, loop: Loop, origin: float, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self.kind = loop.kind
        self._played, self._origin, self._clock = loop, origin, clock
        # A track that begins later begins where the others are.
        self._next = max(0, round((clock() - origin) * loop.rate))

    async def recv(self) -> Any:
        """Return the next packet, when it is due."""
        if self.readyState != "live":
            raise MediaStreamError
        number = self._next
        self._next += 1
        wait = self._origin + (number + 1) / self._played.rate - self._clock()
        if wait > 0:
            await asyncio.sleep(wait)
        packet: Any = av.Packet(self._played.packets[number % len(self._played.packets)])
        ticks = RATE if self.kind == "audio" else 90_000
        packet.pts = packet.dts = number * ticks // self._played.rate
        packet.time_base = Fraction(1, ticks)
        return packet
