"""Delay of sound in packets of Opus of 20, 60 and 120 ms, captured to handed on. `python -m bench.packets`."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.page import publish, table
from streamer.rtc.blocks import CALL_RATE, AudioBlock
from streamer.rtc.ingest import Ingest

SECONDS = 30
BLOCK = 0.02


class Packets(MediaStreamTrack):
    """A tone in packets of Opus; each is sent when its last sample has been captured."""

    kind = "audio"

    def __init__(self, milliseconds: int) -> None:
        super().__init__()
        self.samples = CALL_RATE // 1000 * milliseconds
        self.origin: float | None = None
        self.count = 0
        self._encoder: Any = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate, self._encoder.layout, self._encoder.format = CALL_RATE, "stereo", "s16"
        # A packet of 120 ms has to fit into a datagram.
        self._encoder.bit_rate = 32_000
        self._encoder.options = {"frame_duration": str(milliseconds), "application": "voip"}
        self._ready: list[Any] = []
        self._sent = 0

    async def recv(self) -> Any:
        if self.origin is None:
            self.origin = time.monotonic()
        while not self._ready:
            first = self.count * self.samples
            wave = 8000 * np.sin(2 * np.pi * 440 * (first + np.arange(self.samples)) / CALL_RATE)
            frame = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), 2).reshape(1, -1), "s16", "stereo")
            frame.sample_rate, frame.pts, frame.time_base = CALL_RATE, first, Fraction(1, CALL_RATE)
            self.count += 1
            await asyncio.sleep(self.origin + self.count * self.samples / CALL_RATE - time.monotonic())
            self._ready += self._encoder.encode(frame)
        packet = self._ready.pop(0)
        # The encoder counts from before its own delay.
        packet.pts = packet.dts = self._sent
        self._sent += self.samples
        packet.time_base = Fraction(1, CALL_RATE)
        return packet


@dataclass(frozen=True)
class Heard:
    """What came of a stream.

    Attributes:
        delays: of each block, seconds from the capture of its first sample to its being handed on.
        gaps: seconds between two blocks.
        filled: samples of silence that stand for what was lost.
    """

    delays: list[float]
    gaps: list[float]
    filled: int


async def hear(milliseconds: int, seconds: float) -> Heard:
    """Send packets of a length to a receiver for so many seconds."""
    track = Packets(milliseconds)
    publisher, server = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    at: list[float] = []
    delays: list[float] = []

    def handed_on(block: AudioBlock) -> None:
        at.append(time.monotonic())
        assert track.origin is not None
        delays.append(at[-1] - track.origin - block.index * BLOCK)

    ingest = Ingest(on_audio=handed_on)
    try:
        publisher.addTrack(track)
        await publisher.setLocalDescription(await publisher.createOffer())
        await server.setRemoteDescription(RTCSessionDescription(publisher.localDescription.sdp, "offer"))
        ingest.attach(server)
        await server.setLocalDescription(await server.createAnswer())
        await publisher.setRemoteDescription(RTCSessionDescription(server.localDescription.sdp, "answer"))
        async with asyncio.timeout(30 + 3 * seconds):
            while len(at) < seconds / BLOCK:  # noqa: ASYNC110 - blocks come by a callback
                await asyncio.sleep(0.02)
    finally:
        await ingest.close()
        await publisher.close()
        await server.close()
    gaps = [after - before for before, after in itertools.pairwise(at)]
    return Heard(delays, gaps, ingest.statistics().audio_filled)


def main() -> None:
    rows = []
    for milliseconds in (20, 60, 120):
        heard = asyncio.run(hear(milliseconds, SECONDS))
        tenth = len(heard.delays) // 10
        early, late = (statistics.median(part) for part in (heard.delays[:tenth], heard.delays[-tenth:]))
        rows.append(
            [
                f"{milliseconds} ms",
                *(f"{1000 * q:.0f} ms" for q in np.quantile(heard.delays, [0.5, 0.95])),
                f"{1000 * (late - early):+.1f} ms",
                f"{1000 * statistics.median(heard.gaps):.0f} ms",
            ]
        )
    text = table(["packets of", "delay, p50", "p95", f"grown in {SECONDS} s", "between two blocks"], rows)
    text += "\n\nFrom the capture of a block's first sample to its being handed on, over loopback: the length of the "
    text += "packet is in it. What comes in order waits for nothing here; where there is a camera, and voices are "
    text += "separated, sound is held until it is 60 ms old, for the lips."
    publish("packets", "python -m bench.packets", text)


if __name__ == "__main__":
    main()
