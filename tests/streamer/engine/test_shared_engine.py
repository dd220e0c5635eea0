"""Two servers use one engine: the real models, by TCP."""

import asyncio
import os
import signal

import av
import numpy as np

from streamer.engine.client import WORKER, EngineClient
from streamer.workers.hub import Hub
from streamer.workers.remote import Place
from tests.streamer.engine.test_engine_process import Listener

KEY = b"k" * 32
FACES = [1, 2]


def noise(i):
    return np.random.default_rng(i).uniform(-0.1, 0.1, 320).astype(np.float32)


async def test_both_are_served_and_when_the_models_die_both_go_on(picture):
    hub = Hub(WORKER, ("cpu", "6"), KEY)
    port = await hub.start("127.0.0.1")

    async def find():
        return "127.0.0.1", port

    listeners = [Listener(), Listener()]
    clients = [
        EngineClient(on_ready=lambda ready, one=listener: one.changed.set(), place=Place("the engine", find, KEY))
        for listener in listeners
    ]
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")

    async def use(client, listener):
        """Be told of two faces, which takes two pictures, and have a block of each one's sound."""
        heard = len(listener.voices)
        for _ in range(2):
            seen = len(listener.faces)
            client.send_video("p", seen * 0.2, frame)
            await listener.until(lambda seen=seen: len(listener.faces) > seen)
        assert [face.id for face in listener.faces[-1][1]] == FACES
        assert client.send_audio("p", heard, heard * 0.02, noise(heard))
        await listener.until(lambda: len(listener.voices) > heard)
        assert listener.voices[-1][0] == heard and list(listener.voices[-1][1]) == FACES

    try:
        for client, listener in zip(clients, listeners, strict=True):
            client.start()
            await listener.until(lambda one=client: one.ready)
            # By the same name: participants of other servers are not known to one.
            client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
        before = hub.pid
        await asyncio.gather(*map(use, clients, listeners))
        os.kill(before, signal.SIGKILL)
        for client, listener in zip(clients, listeners, strict=True):
            await listener.until(lambda one=client: not one.ready)
            assert not client.send_audio("p", 9, 0.18, noise(9))
        for client, listener in zip(clients, listeners, strict=True):
            await listener.until(lambda one=client: one.ready)
        assert hub.pid != before and hub.clients == 2
        await asyncio.gather(*map(use, clients, listeners))
        await clients[0].close()
        assert not clients[0].ready
        await use(clients[1], listeners[1])
    finally:
        await asyncio.gather(*(client.close() for client in clients))
        await hub.close()
    assert hub.pid is None
