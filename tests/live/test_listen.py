"""The mixed sound over real transports, and the watch on blocking calls."""

import asyncio
import contextlib
import time

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from blockbuster import BlockingError

from streamer.mixing.desk import Desk
from streamer.mixing.listen_track import ListenTrack
from streamer.mixing.mixer import VoiceBlock
from tests.live.peers import connection, negotiate, until


async def test_a_listener_hears_what_is_fed_as_loud_as_it_was() -> None:
    server, listener, desk = connection(), connection(), Desk()
    track = ListenTrack(desk)
    listener.addTransceiver("audio", "recvonly")
    heard: list[np.ndarray] = []
    tasks: list[asyncio.Task[None]] = []

    def answer() -> None:
        (transceiver,) = server.getTransceivers()
        transceiver.direction = "sendonly"
        track.bind(transceiver)

    async def feed() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        for n in range(1000):
            moments = (960 * n + np.arange(960)) / 48_000
            tone = (0.25 * np.sin(2 * np.pi * 1000 * moments)).astype(np.float32)
            desk.feed("ada", VoiceBlock(n * 0.02, tone, {}, False))
            await asyncio.sleep(max(0.0, start + (n + 1) * 0.02 - loop.time()))

    async def read(remote: MediaStreamTrack) -> None:
        with contextlib.suppress(MediaStreamError):
            while True:
                frame = await remote.recv()
                assert isinstance(frame, av.AudioFrame)
                heard.append(np.frombuffer(memoryview(frame.planes[0]), np.int16)[: 960 * 2 : 2] / 32768)

    try:
        await negotiate(listener, server, answer)
        tasks = [asyncio.create_task(feed()), asyncio.create_task(read(listener.getReceivers()[0].track))]
        await until(lambda: len(heard) >= 80)
    finally:
        for pc in (server, listener):
            await pc.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    level = np.sqrt(np.mean(np.concatenate(heard[40:80]) ** 2))
    assert level == pytest.approx(0.25 / np.sqrt(2), rel=0.06)
    assert desk.statistics().played >= 80
    assert track.readyState == "ended"


async def test_a_blocking_call_on_the_loop_fails() -> None:
    with pytest.raises(BlockingError):
        time.sleep(0.001)  # noqa: ASYNC251
