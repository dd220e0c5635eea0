import asyncio

import av
import numpy as np
import pytest
from aiortc.codecs.opus import OpusEncoder
from aiortc.mediastreams import MediaStreamError

from streamer.mixing.listen_track import BACKLOG, LEAST_WAITING, Faders, ListenTrack, VoiceBlock


def block(n: int, value: float = 0.1, t: float | None = None) -> VoiceBlock:
    return VoiceBlock(n * 0.02 if t is None else t, np.full(960, value, np.float32), {}, False)


def samples_of(frame: av.AudioFrame) -> np.ndarray:
    return np.frombuffer(memoryview(frame.planes[0]), np.int16)[: 960 * 2].reshape(-1, 2)


async def test_silence_without_sources_at_the_right_pace() -> None:
    loop, track = asyncio.get_running_loop(), ListenTrack()
    start = loop.time()
    frames = [await track.recv() for _ in range(6)]
    assert loop.time() - start >= 0.1 - 0.002
    assert [frame.pts for frame in frames] == [960 * n for n in range(6)]
    for frame in frames:
        assert (frame.sample_rate, frame.samples, frame.format.name) == (48_000, 960, "s16")
        assert not samples_of(frame).any()
    assert track.statistics().played == 6


async def test_it_catches_up_after_a_short_stall_and_skips_after_a_long_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    track, loop, shift = ListenTrack(), asyncio.get_running_loop(), 0.0
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + shift)
    await track.recv()
    shift += 0.09
    assert [(await track.recv()).pts // 960 for _ in range(3)] == [1, 2, 3]
    assert track.statistics().skipped == 0
    shift += 1.0
    late = (await track.recv()).pts // 960
    assert late >= 50
    assert track.statistics().skipped == late - 4


def test_a_source_is_heard_exactly() -> None:
    track = ListenTrack()
    rng = np.random.default_rng(1)
    sent = [rng.integers(-20_000, 20_000, 960).astype(np.int16) for _ in range(8)]
    heard = []
    for n, pcm in enumerate(sent):
        track.feed("ada", VoiceBlock(n * 0.02, pcm.astype(np.float32) / 32768, {}, False))
        heard.append(samples_of(track._frame(track.mix())))
    # All come in order; the first is faded in.
    for n in range(1, 8):
        assert np.array_equal(heard[n][:, 0], sent[n])
        assert np.array_equal(heard[n][:, 1], sent[n])
    assert track.statistics().underruns == 0


def test_two_sources_add_up_and_the_faders_work() -> None:
    faders = Faders()
    track = ListenTrack(faders)
    for n in range(3):
        track.feed("ada", block(n, 0.25))
        track.feed("bob", block(n, 0.5))
        out = track.mix()
    assert np.all(out == np.float32(0.75))
    faders.set_focus("bob")
    for n in range(3, 5):
        track.feed("ada", block(n, 0.25))
        track.feed("bob", block(n, 0.5))
        out = track.mix()
    assert np.all(out == np.float32(0.5))


def test_an_underrun_fades_and_is_counted() -> None:
    track = ListenTrack()
    for n in range(3):
        track.feed("ada", block(n))
    outs = [track.mix() for _ in range(6)]
    assert track.statistics().underruns == 1
    assert outs[3][0] == pytest.approx(0.1, abs=0.001) and abs(outs[3][-1]) < 1e-6
    assert not outs[4].any() and not outs[5].any()
    # It waits for more before it goes on than it did at first.
    track.feed("ada", block(6))
    assert not track.mix().any()
    track.feed("ada", block(7))
    assert track.mix().any()


def test_a_burst_drops_the_oldest() -> None:
    track = ListenTrack()
    for n in range(BACKLOG + 1):
        track.feed("ada", block(n, 0.1 * (n + 1)))
    assert track.statistics().dropped == BACKLOG + 1 - LEAST_WAITING
    assert track.statistics().waiting == LEAST_WAITING * 960
    out = track.mix()
    assert out[-1] == np.float32(0.6)


def test_delay_that_stays_is_taken_out() -> None:
    track = ListenTrack()
    for n in range(4):
        track.feed("ada", block(n))
    for n in range(4, 160):
        track.mix()
        track.feed("ada", block(n))
    assert track.statistics().waiting <= 2 * 960
    assert track.statistics().dropped == 3
    assert track.statistics().underruns == 0


def test_leaving_fades_out_and_frees_the_source() -> None:
    track = ListenTrack()
    for n in range(4):
        track.feed("ada", block(n))
    track.mix()
    track.remove("ada")
    track.remove("nobody")
    out = track.mix()
    assert out[0] == pytest.approx(0.1, abs=0.01) and abs(out[-1]) < 1e-6
    assert not track.mix().any()
    assert track.statistics().waiting == 0


async def test_a_stopped_track_ends() -> None:
    track = ListenTrack()
    await track.recv()
    track.stop()
    with pytest.raises(MediaStreamError):
        await track.recv()


def test_a_skip_reaches_the_wire_as_a_jump_of_time() -> None:
    track, encoder, stamps = ListenTrack(), OpusEncoder(), []
    for n in [0, 1, 2, 60, 61, 62]:
        track._next = n
        payloads, timestamp = encoder.encode(track._frame(track.mix()))
        if payloads:
            stamps.append(timestamp // 960)
    assert stamps[-1] - stamps[0] >= 59
    assert stamps == sorted(stamps)


async def test_who_loses_sound_because_the_loop_is_late_is_told_and_told_when_it_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[bool] = []
    track, loop, shift = ListenTrack(on_complete=told.append), asyncio.get_running_loop(), 0.0
    real = loop.time
    monkeypatch.setattr(loop, "time", lambda: real() + shift)
    await track.recv()
    shift += 1.0
    for _ in range(200):
        shift += max(0.0, track._start + track._next * 0.02 - loop.time())
        await track.recv()
    assert told == [] and track.statistics().skipped > 30, "nobody was there to be heard"
    shift += 1.0
    track.feed("ada", block(0))
    while len(told) < 2:
        # Time passes as fast as it is wanted; a frame is always just due.
        shift += max(0.0, track._start + track._next * 0.02 - loop.time())
        await track.recv()
    assert told == [False, True]
