"""Two aiortc peers in one process, for live tests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from fractions import Fraction

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription


def connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def negotiate(
    offerer: RTCPeerConnection, answerer: RTCPeerConnection, on_offer: Callable[[], None] | None = None
) -> None:
    """Connects two peers; `on_offer` runs when the answerer knows the offer and has not answered."""
    await offerer.setLocalDescription(await offerer.createOffer())
    await answerer.setRemoteDescription(
        RTCSessionDescription(offerer.localDescription.sdp, offerer.localDescription.type)
    )
    if on_offer is not None:
        on_offer()
    await answerer.setLocalDescription(await answerer.createAnswer())
    await offerer.setRemoteDescription(
        RTCSessionDescription(answerer.localDescription.sdp, answerer.localDescription.type)
    )


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - conditions are of many kinds
            await asyncio.sleep(0.02)


class Paced(MediaStreamTrack):
    """A track whose n-th frame is due at origin + n * period, and late by `offset` seconds from the first."""

    def __init__(self, period: float, origin: float, offset: float = 0.0) -> None:
        super().__init__()
        self._period = period
        self._origin = origin
        self._offset = offset
        self.count = 0
        self.late = 0.0
        """Seconds by which a frame was made too late at most, on a machine that had no time for it."""

    @property
    def captured(self) -> float:
        """When the last frame was due, seconds after `origin`."""
        return self._offset + (self.count - 1) * self._period

    async def _due(self) -> float:
        """Waits for the next frame's turn; returns its capture time, seconds after `origin`."""
        capture = self._offset + self.count * self._period
        wait = self._origin + capture - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self.late = max(self.late, time.monotonic() - self._origin - capture)
        self.count += 1
        return capture


class FlashTrack(Paced):
    """30 pictures a second, white for the first 0.2 s of each second of capture time, else black."""

    kind = "video"

    def __init__(self, origin: float, offset: float = 0.0, size: tuple[int, int] = (160, 120)) -> None:
        super().__init__(1 / 30, origin, offset)
        self._size = size

    async def recv(self) -> av.VideoFrame:
        capture = await self._due()
        width, height = self._size
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        planes[:height] = 235 if capture % 1.0 < 0.2 else 16
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = round((capture - self._offset) * 90_000)
        frame.time_base = Fraction(1, 90_000)
        return frame


class BeepTrack(Paced):
    """Sound that beeps (1 kHz) for the first 0.2 s of each second of capture time."""

    kind = "audio"

    def __init__(self, origin: float, offset: float = 0.0) -> None:
        super().__init__(0.02, origin, offset)

    async def recv(self) -> av.AudioFrame:
        capture = await self._due()
        moments = capture + np.arange(960) / 48_000
        pcm = 0.5 * np.sin(2 * np.pi * 1000 * moments) * (moments % 1.0 < 0.2)
        frame = av.AudioFrame.from_ndarray((pcm * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = 48_000
        frame.pts = (self.count - 1) * 960
        frame.time_base = Fraction(1, 48_000)
        return frame
