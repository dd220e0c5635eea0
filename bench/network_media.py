"""What the network bench sends: pictures and a tone, made on the way or, where CPU is measured, beforehand."""

from __future__ import annotations

import asyncio
import math
import pickle
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack

FPS, BLOCK = 25, 0.02
BURST, LOUD, SOFT = 0.1, 0.5, 0.2
"""The tone is loud for the first 0.1 s of each second, and else soft: it can be timed, and it is never silent."""

KEYFRAMES = 50
"""Pictures from one key frame to the next in the clip that is made beforehand: nobody can ask for one."""

SECONDS = 10
"""Length of the clip that is made beforehand, over and over."""


def tone(n: int) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Return block `n` of the sound, shape (960,), int16."""
    moments = (960 * n + np.arange(960)) / 48_000
    level = np.where(moments % 1.0 < BURST, LOUD, SOFT)
    return (32767 * level * np.sin(2 * np.pi * 450 * moments)).astype(np.int16)


def picture(n: int, width: int, height: int) -> av.VideoFrame:
    """Return picture `n`: something moves over something with texture."""
    rows, columns = np.mgrid[:height, :width]
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    planes[:height] = 90 + ((columns + 2 * n) * 7 % 31 + rows * 5 % 29) // 2
    left = 5 * n % (width - width // 4)
    planes[height // 4 : height // 2, left : left + width // 4] = 210
    return av.VideoFrame.from_ndarray(planes, format="yuv420p")


@dataclass(frozen=True)
class Clip:
    """Ten seconds of VP8 (854x480, 600 kbit/s, a key frame every two seconds) and Opus.

    Attributes:
        pictures: the bitstream of each.
        sound: the packet of each block.
    """

    pictures: list[bytes]
    sound: list[bytes]

    @classmethod
    def make(cls) -> Clip:
        """Encode it."""
        video = av.CodecContext.create("libvpx", "w")
        video.width, video.height, video.pix_fmt, video.bit_rate = 854, 480, "yuv420p", 600_000
        video.time_base, video.framerate, video.gop_size = Fraction(1, FPS), Fraction(FPS), KEYFRAMES
        rate = {"minrate": "600000", "maxrate": "600000", "bufsize": "300000"}
        video.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", **rate}
        pictures = []
        for n in range(SECONDS * FPS):
            frame = picture(n, 854, 480)
            frame.pts, frame.time_base = n, Fraction(1, FPS)
            pictures += [bytes(packet) for packet in video.encode(frame)]
        audio = av.CodecContext.create("libopus", "w")
        audio.bit_rate, audio.format, audio.layout, audio.sample_rate = 64_000, "s16", "mono", 48_000
        sound = []
        for n in range(round(SECONDS / BLOCK)):
            sound += [bytes(packet) for packet in audio.encode(frame_of(n))]
        assert len({data[:32] for data in pictures}) == len(pictures) == SECONDS * FPS, "pictures can be told apart"
        return cls(pictures, sound)

    def save(self, path: Path) -> None:
        """Write it for other processes."""
        path.write_bytes(pickle.dumps((self.pictures, self.sound)))

    @classmethod
    def load(cls, path: Path) -> Clip:
        """Read what `save` wrote."""
        return cls(*pickle.loads(path.read_bytes()))


def frame_of(n: int) -> av.AudioFrame:
    """Return block `n` of the sound as a frame."""
    frame = av.AudioFrame(format="s16", layout="mono", samples=960)
    frame.planes[0].update(tone(n).tobytes())
    frame.sample_rate, frame.pts, frame.time_base = 48_000, 960 * n, Fraction(1, 48_000)
    return frame


class _Paced(MediaStreamTrack):
    """A track whose n-th piece is due at start + n * period."""

    period = BLOCK
    begins = 1
    """It begins with a piece whose number is a multiple of this."""

    def __init__(self, start: float) -> None:
        super().__init__()
        self._start = start
        self._count = 0

    async def _next(self) -> int:
        if self._count == 0:
            # Who comes later begins where the others are.
            late = max(0.0, time.monotonic() - self._start) / self.period
            self._count = math.ceil(late / self.begins) * self.begins
        wait = self._start + self._count * self.period - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._count += 1
        return self._count - 1


class Tone(_Paced):
    """The sound, encoded by aiortc."""

    kind = "audio"

    async def recv(self) -> av.AudioFrame:
        return frame_of(await self._next())


class Pictures(_Paced):
    """Small pictures, encoded by aiortc, which makes key frames when it is asked for them."""

    kind = "video"
    period = 1 / 15

    async def recv(self) -> av.VideoFrame:
        n = await self._next()
        frame = picture(n, 160, 120)
        frame.pts, frame.time_base = 6000 * n, Fraction(1, 90_000)
        return frame


class Made(_Paced):
    """One half of a clip, over and over."""

    def __init__(self, kind: str, pieces: list[bytes], start: float) -> None:
        super().__init__(start)
        self.kind = kind
        self.period, self.begins = (1 / FPS, KEYFRAMES) if kind == "video" else (BLOCK, 1)
        self._pieces = pieces

    async def recv(self) -> Any:
        n = await self._next()
        packet: av.Packet[Any] = av.Packet(self._pieces[n % len(self._pieces)])
        rate = 90_000 if self.kind == "video" else 48_000
        packet.pts = packet.dts = round(n * self.period * rate)
        packet.time_base = Fraction(1, rate)
        return packet
