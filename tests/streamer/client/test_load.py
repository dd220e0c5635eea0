"""What a load test tells is what was: delays to the sample, gaps, losses."""

import asyncio
import math

import numpy as np
import pytest

from streamer.client.caller import Caller
from streamer.client.listening import Listening
from streamer.client.marks import EVERY, RATE, MarkFinder, mark
from streamer.client.replay import BLOCK, Loop, LoopTrack, picture_loop, sound_loop
from streamer.commands import load
from streamer.commands.load_report import Room, report, table
from streamer.errors import UserError
from tests.clock import Clock


def speech(seconds):
    """Noise below 8 kHz, as loud as speech."""
    noise = np.fft.rfft(np.random.default_rng(1).normal(0, 0.1, round(seconds * RATE)))
    noise[np.fft.rfftfreq(round(seconds * RATE), 1 / RATE) > 7500] = 0
    return np.fft.irfft(noise).astype(np.float32)


@pytest.mark.parametrize("block", [960, 2880])
def test_marks_are_found_to_the_sample_and_nothing_else_is(block):
    pcm = load.marked(speech(6))
    finder, plain = MarkFinder(), MarkFinder()
    found = [place for start in range(0, pcm.size, block) for place in finder.step(pcm[start : start + block])]
    assert found == [0, 2 * RATE, 4 * RATE]
    assert not [1 for start in range(0, pcm.size, block) if plain.step(speech(6)[start : start + block])]


def test_a_listener_tells_delays_and_the_longest_gap():
    clock = Clock()
    listening = Listening(origin=clock.now, clock=clock)
    pcm = load.marked(speech(6))
    # Each block of 20 ms comes 150 ms after it was whole; one second of them comes 0.7 s later still.
    for start in range(0, pcm.size, BLOCK):
        late = 0.7 if 5 * RATE <= start < 5.6 * RATE else 0.0
        clock.now = max(clock.now, 100.0 + (start + BLOCK) / RATE + 0.15 + late)
        listening.hear(pcm[start : start + BLOCK])
    # The packet of 20 ms is part of the delay.
    assert listening.delays == pytest.approx([0.17] * 3, abs=1e-6)
    assert listening.longest_gap == pytest.approx(0.7) and listening.heard == 300


async def test_a_loop_goes_on_and_a_latecomer_joins_it():
    clock = Clock()
    loop = Loop("video", (b"a", b"b", b"c"), 25)
    clock.now += 0.2
    track = LoopTrack(loop, 100.0, clock)
    clock.now += 10
    packets = [await track.recv() for _ in range(3)]
    assert [bytes(packet) for packet in packets] == [b"c", b"a", b"b"]
    assert [packet.pts for packet in packets] == [5 * 3600, 6 * 3600, 7 * 3600]


def test_what_is_encoded_is_whole():
    assert len(sound_loop(speech(1)).packets) == 50
    loop = picture_loop([np.full((48, 64, 3), shade, np.uint8) for shade in range(0, 250, 5)], 25)
    assert (len(loop.packets), loop.kind) == (50, "video")
    # The lowest bit of a VP8 frame is 0 for a key frame (RFC 6386, 9.1).
    assert [number for number, packet in enumerate(loop.packets) if not packet[0] & 1] == [0, 25]


def test_the_report():
    class Came:
        joins, cuts = [0.25, 9.0], 1

    listening = Listening(0.0)
    listening.delays = [0.1, 0.2, 0.3]
    listening.longest_gap = 0.0654
    full = Room("abcd", [Came(), Came()], listening, counted={"audio": (1, 99), "video": (0, 400)})
    none = Room("efgh", [], Listening(0.0))
    said = report([full, none], [24.96, 0.0], 60.04, 2)
    assert said["calls"][0] == {
        "room": "abcd", "delay_p50": 0.2, "delay_p95": 0.29, "delay_p99": 0.298, "marks": 3, "sound_lost": 0.01,
        "pictures_lost": 0.0, "longest_gap": 0.065, "pictures_a_second": 25.0, "join_p50": 0.25, "join_longest": 0.25,
        "cuts": 2,
    }  # fmt: skip
    assert said["seconds"] == 60.0 and said["calls"][1]["delay_p50"] is None
    lines = table(said).splitlines()
    assert lines[1].split("  ")[-9:] and "200 ms" in lines[1] and "1.00 %" in lines[1] and lines[2].count(" -") >= 6


async def test_a_server_that_is_not_there_or_none_at_all(monkeypatch):
    monkeypatch.setattr(load, "demo_clip", lambda: None)
    monkeypatch.setattr(load, "media", lambda clip: [])
    with pytest.raises(UserError, match="is not the address of a server"):
        await load.load("example.org", 1, 1, 1, None)
    with pytest.raises(UserError, match="cannot be reached"):
        await load.load("http://127.0.0.1:1", 1, 1, 1, None)


def test_marks_come_as_often_as_a_loop_is_long():
    assert math.fmod(load.SECONDS, EVERY) == 0 and mark().size < BLOCK
    assert asyncio.iscoroutinefunction(load.load)


async def test_what_fails_on_the_way_out_brings_nobody_back():
    inside = asyncio.Event()

    class Stubborn(Caller):
        async def _stay(self):
            self.joins.append(0.1)
            inside.set()
            try:
                await asyncio.sleep(60)
            finally:
                raise OSError("the server has gone")

    task = asyncio.create_task(Stubborn("http://127.0.0.1:1", "abcd", "invite", "Ann", None).run())
    await inside.wait()
    task.cancel()
    await asyncio.wait_for(asyncio.gather(task, return_exceptions=True), 10)
    assert task.done()
