"""The engine in its own process, with its real models."""

import asyncio
import os
import signal
from pathlib import Path

import av
import pytest

from streamer.engine.client import AUDIO_IN_FLIGHT, EngineClient
from streamer.engine.look_worker import MEMORY_EVERY
from tests.streamer.engine.test_engine import noise

STEP = 0.08
"""Seconds from one picture to the next that are both looked at."""


def child_of(pid):
    """The one process that any thread of this one has started."""
    (child,) = " ".join(path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")).split()
    return int(child)


async def remembered(client, listener, picture):
    """Show the picture until the call is handed what is known of it; gives it as a frame."""
    client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    for i in range(MEMORY_EVERY):
        client.send_video("p", i * STEP, frame)
        await listener.until(lambda count=i + 1: len(listener.faces) == count)
    return frame


async def right_one_is_known(client, listener, picture, answered):
    """Show the right face alone and check its number; after the first such picture `answered` have been answered."""
    alone = picture.copy()
    alone[:, :320] = 90
    frame = av.VideoFrame.from_ndarray(alone, format="rgb24").reformat(format="yuv420p")
    for i in range(8):
        client.send_video("p", 2 + i * STEP, frame)
        await listener.until(lambda count=answered + i: len(listener.faces) == count)
    assert [face.id for face in listener.faces[-1][1]] == [2]


async def test_a_looking_process_that_dies_comes_back_and_voices_go_on(client, picture):
    client, listener = client
    frame = await remembered(client, listener, picture)
    told: list[bool] = []
    client.on_looking = told.append
    looker = child_of(client.pid)
    os.kill(looker, signal.SIGKILL)
    client.send_video("p", 1.0, frame)
    client.send_audio("p", 0, 1.0, noise(1, 0)[0])
    # Sound does not wait for it, and the picture that was lost with it holds up none that follows.
    await listener.until(lambda: listener.voices)
    await listener.until(lambda: len(listener.faces) == MEMORY_EVERY + 1)
    await right_one_is_known(client, listener, picture, MEMORY_EVERY + 2)
    assert client.statistics.starts == 1
    assert told == [False, True]


class Listener:
    def __init__(self):
        self.voices, self.faces, self.changed = [], [], asyncio.Event()

    def on_voices(self, index, voices, others, clean):
        self.voices.append((index, voices))
        self.changed.set()

    def on_faces(self, t, faces):
        self.faces.append((t, faces))
        self.changed.set()

    async def until(self, condition):
        async with asyncio.timeout(60):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@pytest.fixture
async def client():
    listener = Listener()
    client = EngineClient(on_ready=lambda ready: listener.changed.set())
    client.start()
    await listener.until(lambda: client.ready)
    yield client, listener
    await client.close()
    assert client.pid is None and not client.ready


async def test_the_process_answers_every_block_and_the_newest_picture(client, picture):
    client, listener = client
    client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    for i in range(5):
        client.send_video("p", i * STEP, frame)
    # One in flight, the newest waiting, the three between dropped.
    assert client.statistics.video_dropped == 3
    await listener.until(lambda: len(listener.faces) == 2)
    assert [t for t, _ in listener.faces] == [0.0, 4 * STEP]
    assert [face.id for face in listener.faces[1][1]] == [1, 2]
    for i in range(5):
        # One by one: what waits too long behind another is dropped.
        assert client.send_audio("p", i, i * 0.02, noise(5, 1)[i])
        await listener.until(lambda count=i + 1: len(listener.voices) == count)
    assert [index for index, _ in listener.voices] == [0, 1, 2, 3, 4]
    assert list(listener.voices[4][1]) == [1, 2]


async def test_no_more_pictures_are_looked_at_than_tell_anything(client, picture):
    client, listener = client
    client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
    for i in range(4):
        # Half of 25 a second; one that comes in time is not kept for later.
        client.send_video("p", i * 0.04, frame)
        if i % 2 == 0:
            await listener.until(lambda count=i // 2 + 1: len(listener.faces) == count)
    assert [t for t, _ in listener.faces] == [0.0, 0.08]
    assert client.statistics.video_sent == 2 and client.statistics.video_dropped == 0


async def test_no_more_blocks_are_in_flight_than_allowed(client):
    client, listener = client
    client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
    sent = [client.send_audio("p", i, i * 0.02, noise(1, i)[0]) for i in range(AUDIO_IN_FLIGHT + 3)]
    assert sent == [True] * AUDIO_IN_FLIGHT + [False] * 3
    assert client.statistics.audio_dropped == 3


async def test_a_killed_process_comes_back_and_knows_who_is_who(client, picture):
    client, listener = client
    await remembered(client, listener, picture)
    os.kill(client.pid, signal.SIGKILL)
    await listener.until(lambda: not client.ready)
    assert not client.send_audio("p", 0, 0.0, noise(1, 0)[0])
    await listener.until(lambda: client.ready)
    assert client.statistics.starts == 2
    assert client.send_audio("p", 1, 0.02, noise(1, 0)[0])
    await listener.until(lambda: listener.voices)
    assert listener.voices[0][0] == 1
    await right_one_is_known(client, listener, picture, MEMORY_EVERY + 1)


async def test_an_odd_picture_and_a_failing_callback_cost_nobody_the_models(client, picture):
    client, listener = client

    def fails(*arguments):
        listener.changed.set()
        raise RuntimeError("of this session")

    client.open("bad", fails, fails, fails)
    client.open("p", listener.on_voices, listener.on_faces, lambda *_: None)
    client.send_video("bad", 0.0, av.VideoFrame(1, 1, "yuv420p"))
    client.send_audio("bad", 0, 0.0, noise(1, 0)[0])
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")  # converted on the way
    client.send_video("p", 0.0, frame)
    client.send_audio("p", 0, 0.0, noise(1, 0)[0])
    await listener.until(lambda: listener.faces and listener.voices)
    assert client.statistics.video_refused == 1
    client.send_video("bad", STEP, frame)  # the refused picture holds nothing up
    await listener.until(lambda: client.statistics.video_sent == 2)
    assert client.statistics.starts == 1
