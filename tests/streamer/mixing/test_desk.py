"""A room's mixes: who hears the same shares one, who hears something else has their own, and back."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import av
import numpy as np
import pytest

from models.common.audio import to_pcm16
from streamer.mixing import desk as module
from streamer.mixing.desk import ALIKE, Desk
from streamer.mixing.mixer import VoiceBlock
from streamer.mixing.sound_encoder import SoundEncoder
from tests.streamer.mixing.conftest import OPUS, PCMU, block, listening, play


def voice(n: int, pitch: float, loud: float = 0.3) -> VoiceBlock:
    """A tone with overtones that goes up and down: something with a pitch, and never the same."""
    moments = (960 * n + np.arange(960)) / 48_000
    phase = 2 * np.pi * pitch * moments + 2 * np.sin(2 * np.pi * 1.5 * moments)
    sound = sum(np.sin(k * phase) / k for k in range(1, 8)) * loud / 2
    return VoiceBlock(n * 0.02, sound.astype(np.float32), {}, False)


def run(desk: Desk, frames: range) -> None:
    for n in frames:
        desk.feed("ada", voice(n, 180))
        desk.feed("bob", voice(n, 230))
        play(desk)


def decoded(packets: list[bytes]) -> np.ndarray:
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate, decoder.layout, decoder.format = 48_000, "stereo", "s16"
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(packet))]
    heard = [
        np.frombuffer(memoryview(frame.planes[0]), np.int16)[: frame.samples * 2].reshape(-1, 2) for frame in frames
    ]
    return np.concatenate(heard).astype(float)


def test_a_source_is_heard_exactly_by_all_but_itself() -> None:
    desk = Desk()
    eve, _ = listening(desk)
    ada, _ = listening(desk, "ada")
    rng = np.random.default_rng(1)
    sent = [rng.integers(-20_000, 20_000, 960).astype(np.int16) for _ in range(8)]
    for n, pcm in enumerate(sent):
        desk.feed("ada", VoiceBlock(n * 0.02, pcm.astype(np.float32) / 32768, {}, False))
        desk.step()
        assert eve.mix is not None and ada.mix is not None
        # All come in order; the first is faded in.
        assert n == 0 or np.array_equal(to_pcm16(eve.mix.pcm), pcm)
        assert not ada.mix.pcm.any()
    assert desk.statistics().mixes == 2


def test_the_desk_knows_when_what_was_said_is_heard() -> None:
    desk = Desk()
    _, eve = listening(desk)
    assert desk.heard_at("ada", 100.0) is None
    play(desk)
    for n in range(3):
        desk.feed("ada", VoiceBlock(100 + n * 0.02, voice(n, 180).mix, {}, False))
        play(desk)
    # The first of these was the mix's second frame.
    assert desk.heard_at("ada", 100.0) == pytest.approx(0.02)
    assert desk.heard_at("ada", 100.5) == pytest.approx(0.52)
    assert [pts for _, pts in eve.sent] == [0, 960, 1920, 2880]
    desk.remove("ada")
    play(desk)
    assert desk.heard_at("ada", 100.0) is None


def test_who_hears_the_same_gets_the_same_packets() -> None:
    desk = Desk()
    watchers = [listening(desk, f"watcher {n}") for n in range(3)]
    _, ada = listening(desk, "ada")
    run(desk, range(20))
    assert desk.statistics().mixes == 2
    first = watchers[0][1].sent
    assert len(first) == 20 and len({payload for payload, _ in first}) > 15
    assert all(out.sent == first for _, out in watchers)
    assert [pts for _, pts in first] == [960 * n for n in range(20)]
    assert [payload for payload, _ in ada.sent[2:]] != [payload for payload, _ in first[2:]]
    # One who comes later joins them.
    _, late = listening(desk, "late")
    run(desk, range(20, 25))
    assert late.sent == first[20:] and len(late.sent) == 5


def test_who_moves_a_fader_has_their_own_mix_until_it_is_back() -> None:
    desk = Desk()
    eve, eves = listening(desk, "eve")
    _, dans = listening(desk, "dan")
    run(desk, range(20))
    eve.faders.set_focus("bob")
    run(desk, range(20, 40))
    assert desk.statistics().mixes == 2
    assert eve.mix is not None and np.array_equal(eve.mix.pcm, voice(39, 230).mix)
    assert [payload for payload, _ in eves.sent[20:]] != [payload for payload, _ in dans.sent[20:]]
    eve.faders.set_focus(None)
    run(desk, range(40, 40 + ALIKE))
    assert desk.statistics().mixes == 2, "it glides back, and only then is it the same"
    run(desk, range(40 + ALIKE, 60))
    assert desk.statistics().mixes == 1
    assert eves.sent[52:] == dans.sent[52:] and len(eves.sent) == 60


def test_two_who_solo_the_same_share_a_mix() -> None:
    desk = Desk()
    listeners = [listening(desk, f"watcher {n}") for n in range(4)]
    run(desk, range(10))
    for n, (listener, _) in enumerate(listeners[:2]):
        run(desk, range(10 + 5 * n, 15 + 5 * n))
        listener.faders.set_focus("ada")
    run(desk, range(20, 40))
    assert desk.statistics().mixes == 2
    assert listeners[0][1].sent[35:] == listeners[1][1].sent[35:]
    assert listeners[2][1].sent == listeners[3][1].sent


def test_nothing_clicks_when_the_encoder_changes() -> None:
    """Away from the shared encoder and back, heard by one decoder, beside a decoder of one encoder only."""
    desk = Desk()
    eve, eves = listening(desk, "eve")
    _, dans = listening(desk, "dan")
    run(desk, range(40))
    # Something that changes the key and not the sound: what differs is the encoder alone.
    eve.faders.set_gain("nobody", "rest", 0.5)
    run(desk, range(40, 80))
    assert desk.statistics().mixes == 2
    eve.faders.set_gain("nobody", "rest", 1.0)
    run(desk, range(80, 120))
    assert desk.statistics().mixes == 1
    changed, plain = (decoded([payload for payload, _ in out.sent]) for out in (eves, dans))
    sent = np.concatenate([to_pcm16(voice(n, 180).mix + voice(n, 230).mix) for n in range(120)])
    # Opus' noise: of what is decoded, 2.5 ms late, beside what was said.
    noise = np.abs(plain[120:, 0] - sent[:-120])[20 * 960 :].max()
    away, back = np.abs(changed - plain)[40 * 960 : 42 * 960], np.abs(changed - plain)[(80 + ALIKE) * 960 :]
    assert away.any() and away.max() < noise
    assert back.any() and back.max() < noise / 4 and not back[-960:].max() > 4
    # An encoder that knows nothing of the sound before it can be heard.
    cold = SoundEncoder(OPUS)
    blocks = sent.reshape(120, 960)
    steady = [payload for payload, _ in dans.sent]
    cut = decoded(steady[:40] + [payload for pcm in blocks[40:] for payload in cold.step(pcm)])
    assert np.abs(cut - plain)[40 * 960 : 42 * 960].max() > 3 * noise


def test_a_solo_glides() -> None:
    desk = Desk()
    eve, _ = listening(desk, "eve")
    listening(desk, "dan")
    pcm: list[np.ndarray] = []
    for n in range(30):
        if n == 10:
            eve.faders.set_focus("bob")
        desk.feed("ada", block(n, 0.5))
        desk.feed("bob", block(n, 0.25))
        desk.step()
        assert eve.mix is not None
        pcm.append(eve.mix.pcm)
    sound = np.concatenate(pcm[2:])
    assert sound[0] == np.float32(0.75) and sound[-1] == np.float32(0.25)
    # At once, within 10 ms, and without a step.
    assert np.abs(np.diff(sound)).max() < 0.002
    assert pcm[10][480] == np.float32(0.25)


def test_who_begins_to_speak_does_not_hear_themselves_and_who_leaves_fades_out() -> None:
    desk = Desk()
    ada, _ = listening(desk, "ada")
    eve, _ = listening(desk, "eve")
    for n in range(5):
        desk.feed("bob", block(n, 0.25))
        desk.step()
    assert ada.mix is eve.mix
    for n in range(5, 10):
        desk.feed("bob", block(n, 0.25))
        desk.feed("ada", block(n, 0.5))
        desk.step()
        assert ada.mix is not None and np.all(ada.mix.pcm == np.float32(0.25))
    assert eve.mix is not None and np.all(eve.mix.pcm == np.float32(0.75))
    desk.remove("ada")
    desk.remove("nobody")
    desk.feed("bob", block(10, 0.25))
    desk.step()
    assert eve.mix.pcm[0] == pytest.approx(0.75, abs=0.01) and eve.mix.pcm[-1] == pytest.approx(0.25, abs=0.001)
    for n in range(11, 12 + ALIKE):
        desk.feed("bob", block(n, 0.25))
        desk.step()
    assert ada.mix is eve.mix and desk.statistics().mixes == 1


def test_what_is_said_to_one_is_heard_by_no_other() -> None:
    desk = Desk()
    ann, _ = listening(desk)
    bob, _ = listening(desk)
    desk.step()
    ann.say(np.full(1500, 0.1, np.float32))
    desk.step()
    assert ann.mix is not None and bob.mix is not None
    assert np.all(ann.mix.pcm == np.float32(0.1)) and not bob.mix.pcm.any()
    desk.step()
    assert np.all(ann.mix.pcm[:540] == np.float32(0.1)) and not ann.mix.pcm[540:].any()
    for _ in range(ALIKE + 2):
        desk.step()
    assert ann.mix is bob.mix


def test_who_takes_no_opus_gets_what_they_take() -> None:
    desk = Desk()
    _, eves = listening(desk, "eve")
    _, dans = listening(desk, "dan", PCMU)
    run(desk, range(12))
    assert desk.statistics().mixes == 1
    assert len(eves.sent) == 12
    assert len(dans.sent) >= 10 and all(len(payload) == 160 for payload, _ in dans.sent)
    assert dans.sent[-1][1] - dans.sent[0][1] == 160 * (len(dans.sent) - 1)


def test_who_is_not_connected_yet_costs_no_encoding_and_is_sent_nothing() -> None:
    desk = Desk()
    _, out = listening(desk)
    out.ready = False
    run(desk, range(3))
    assert out.sent == [] and not desk._mixes[0]._encoders
    out.ready = True
    run(desk, range(3, 6))
    assert len(out.sent) == 3


def test_without_listeners_nothing_is_kept() -> None:
    desk = Desk()
    desk.feed("ada", block(0))
    assert not desk._sources
    listener, _ = listening(desk)
    desk.feed("ada", block(1))
    desk.step()
    listener.stop()
    listener.stop()
    assert not desk._sources and not desk._mixes and desk.statistics().mixes == 0


async def test_the_desk_keeps_real_time_catches_up_and_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    desk, loop, shift = Desk(), asyncio.get_running_loop(), 0.0
    told: list[bool] = []
    listener, out = listening(desk, on_complete=told.append)
    base = loop.time()
    monkeypatch.setattr(loop, "time", lambda: base + shift)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=loop.time))

    async def sleep(seconds: float) -> None:
        # Time passes as fast as it is wanted: a frame is always just due.
        nonlocal shift
        shift += max(0.0, seconds)
        await real_sleep(0)

    real_sleep = asyncio.sleep
    monkeypatch.setattr(
        module,
        "asyncio",
        SimpleNamespace(sleep=sleep, get_running_loop=asyncio.get_running_loop, CancelledError=asyncio.CancelledError),
    )
    start = loop.time()
    task = loop.create_task(desk._run())

    async def until(count: int) -> None:
        async with asyncio.timeout(60 + shift):
            while len(out.sent) < count:
                await real_sleep(0)

    try:
        await until(6)
        assert loop.time() - start >= 0.1 - 0.002
        assert [pts for _, pts in out.sent[:6]] == [960 * n for n in range(6)]
        shift += 1.0
        await until(200)
        skipped = desk.statistics().skipped
        assert skipped >= 40 and told == [], "nobody was there to be heard"
        stamps = np.diff([pts // 960 for _, pts in out.sent])
        assert stamps.max() >= 40 and stamps.min() == 1, "a skip reaches the wire as a jump of time"
        shift += 1.0
        desk.feed("ada", block(0))
        await until(len(out.sent) + 450)
        assert told == [False, True]
        assert listener.mix is not None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_frame_that_fails_is_not_the_last(monkeypatch: pytest.MonkeyPatch, caplog) -> None:
    desk = Desk()
    _, out = listening(desk)
    step, failures = desk.step, iter([True])

    def fail_once() -> None:
        if next(failures, False):
            raise RuntimeError("a fault")
        step()

    monkeypatch.setattr(desk, "step", fail_once)
    task = asyncio.get_running_loop().create_task(desk._run())
    async with asyncio.timeout(30):
        while not out.sent:  # noqa: ASYNC110 - the desk tells nobody
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "mixing failed" in caplog.text


async def test_one_mix_is_encoded_on_the_loop_and_several_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, threads = asyncio.get_running_loop(), list[object]()
    run = loop.run_in_executor
    monkeypatch.setattr(loop, "run_in_executor", lambda *call: (threads.append(call), run(*call))[1])
    desk = Desk()
    (first, out), (second, other) = listening(desk), listening(desk)
    for n in range(5):
        desk.feed("ada", block(n))
        await desk._frame()
    assert not threads and len(out.sent) == len(other.sent) > 0
    second.faders.set_muted("ada", True)
    desk.feed("ada", block(5))
    await desk._frame()
    assert len(threads) == 1 and first.mix is not second.mix
    assert out.sent[-1] != other.sent[-1]
