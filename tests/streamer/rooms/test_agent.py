"""The agent against an engine that answers when told to."""

import numpy as np
import pytest

from models.common.resample import Resampler
from streamer.engine.types import BLOCK, SpeakerState
from streamer.mixing.noise_switch import BEHIND
from streamer.observer.client import ObserverClient
from streamer.rooms import agent as agent_module
from streamer.rooms.agent import DEADLINE, VOICES_DELAY, Agent
from streamer.rtc.blocks import AudioBlock


class Engine:
    """An engine client whose answers the test gives."""

    def __init__(self, ready=True):
        self.ready = ready
        self.sent = []

    def open(self, sid, on_voices, on_faces, on_attributed, memory=None):
        self.on_voices, self.on_faces = on_voices, on_faces

    def close_session(self, sid):
        self.closed = sid

    def suppress(self, sid, on):
        self.suppressed = on

    def send_audio(self, sid, index, t, pcm):
        self.sent.append((index, t, pcm))
        return True

    def answer(self, index, pcm=None, others=(), clean=None):
        self.on_voices(index, {7: np.zeros(BLOCK, np.float32) if pcm is None else pcm}, list(others), clean)


@pytest.fixture
async def clock(monkeypatch):
    """A loop clock the test moves."""

    class Clock:
        now = 0.0

        def time(self):
            return self.now

    clock = Clock()
    monkeypatch.setattr(agent_module.asyncio, "get_running_loop", lambda: clock)
    return clock


def talk(agent, clock, count, start=0):
    for i in range(start, start + count):
        clock.now = i * 0.02
        agent.audio(AudioBlock(t=100 + i * 0.02, index=i, pcm=np.full(960, i, np.float32)))


async def test_voices_line_up_with_the_mixture_to_the_sample(clock):
    """An engine that only delays by 240 samples gives voices equal to the mixture after resampling."""
    engine, out = Engine(), []
    agent = Agent("p", engine, ObserverClient(), out.append, lambda *_: None, lambda *_: None, lambda *_: None)
    t = np.arange(100 * 960) / 48_000
    sound = (0.3 * np.sin(2 * np.pi * 440 * t) * np.hanning(t.size)).astype(np.float32)
    delayed = np.zeros(240, np.float32)
    up, voices = Resampler(16_000, 48_000), []
    for i in range(100):
        clock.now = i * 0.02
        agent.audio(AudioBlock(t=i * 0.02, index=i, pcm=sound[i * 960 : (i + 1) * 960]))
        joined = np.concatenate([delayed, engine.sent[-1][2]])
        engine.answer(engine.sent[-1][0], joined[:BLOCK])
        delayed = joined[BLOCK:]
        voices.append(up.step(out[-1].faces[7]))
    mix = np.concatenate([block.mix for block in out])
    assert np.abs(np.concatenate(voices) - mix).max() < 1e-3  # a shift by one sample would be 0.017
    assert all(block.separated for block in out)


async def test_without_its_noise_a_block_is_what_the_engine_made_of_it_and_later(clock):
    engine, out = Engine(), []
    agent = Agent("p", engine, ObserverClient(), out.append, lambda *_: None, lambda *_: None, lambda *_: None)
    agent.suppress(True)
    assert engine.suppressed
    for i in range(6):
        talk(agent, clock, 1, start=i)
        engine.answer(i + 1, np.full(BLOCK, i, np.float32), clean=np.full(BLOCK, 0.25, np.float32))
    np.testing.assert_allclose(out[-1].mix, 0.25, atol=1e-3)
    assert out[-1].faces[7][BEHIND - 1] == 4 and out[-1].faces[7][BEHIND] == 5
    shift = (VOICES_DELAY + 96) / 48_000 + BEHIND / 16_000
    assert out[-1].t == pytest.approx(100 + 5 * 0.02 - shift)
    # One that is not back in time goes on with its noise, at the same moment as it would have without.
    talk(agent, clock, 7, start=6)
    assert out[6].t == pytest.approx(out[5].t + 0.02) and out[6].mix[-1] > 4
    agent.suppress(False)
    assert not engine.suppressed


async def test_times_are_those_of_the_samples(clock):
    engine, out = Engine(), []
    agent = Agent("p", engine, ObserverClient(), out.append, lambda *_: None, lambda *_: None, lambda *_: None)
    talk(agent, clock, 3)
    engine.answer(3)
    # Blocks 1 and 2 were never answered: they go first, as plain sound.
    assert [block.separated for block in out] == [False, False, True]
    shift = (VOICES_DELAY + 96) / 48_000
    assert [round(block.t, 6) for block in out] == [round(100 + i * 0.02 - shift, 6) for i in range(3)]
    assert agent.statistics.late == 2


async def test_a_block_that_stays_away_goes_on_as_plain_sound_and_is_not_played_twice(clock):
    engine, out = Engine(), []
    agent = Agent("p", engine, ObserverClient(), out.append, lambda *_: None, lambda *_: None, lambda *_: None)
    waited = int(DEADLINE / 0.02)
    talk(agent, clock, waited + 1)
    assert out == []
    talk(agent, clock, 1, start=waited + 1)
    assert [block.separated for block in out] == [False]
    engine.answer(1)
    assert len(out) == 1


async def test_without_models_the_call_goes_on(clock):
    engine, out, said = Engine(ready=False), [], []
    agent = Agent(
        "p", engine, ObserverClient(), out.append, lambda *_: None, lambda *status: said.append(status), lambda *_: None
    )
    talk(agent, clock, 50)
    assert len(out) == 50 - agent_module.PLAIN_WAIT
    assert not any(block.separated for block in out) and said == [] and not agent.separated


async def test_status_follows_the_engine_with_hysteresis(clock):
    engine, out, said = Engine(), [], []
    agent = Agent(
        "p", engine, ObserverClient(), out.append, lambda *_: None, lambda *status: said.append(status), lambda *_: None
    )
    for i in range(60):
        talk(agent, clock, 1, start=i)
        engine.answer(i + 1)
    assert said == [(True, "")] and agent.separated
    talk(agent, clock, 5, start=60)  # five late blocks do not make it flicker
    assert said == [(True, "")]
    engine.ready = False
    talk(agent, clock, 5, start=65)
    assert said[-1] == (False, "models restarting")
    engine.ready = True
    for i in range(70, 140):
        talk(agent, clock, 1, start=i)
        engine.answer(i + 1)
    assert said[-1] == (True, "")
    assert len(out) == 140
    agent.close()
    assert engine.closed == "p"


async def test_a_late_block_now_and_then_is_a_gap_for_who_hears_one_face(clock):
    engine, out = Engine(), []
    agent = Agent("p", engine, ObserverClient(), out.append, lambda *_: None, lambda *_: None, lambda *_: None)
    for i in range(60):
        talk(agent, clock, 1, start=i)
        if i != 55:
            engine.answer(i + 1)
    assert agent.separated and agent.statistics.late == 1
    assert [(block.separated, list(block.faces)) for block in out[54:57]] == [(True, [7]), (True, []), (True, [7])]


async def test_voices_without_a_face_are_told_with_the_pictures_and_also_without_any(clock):
    engine, told = Engine(), []
    agent = Agent(
        "p",
        engine,
        ObserverClient(),
        lambda _: None,
        lambda *faces: told.append(faces),
        lambda *_: None,
        lambda *_: None,
    )
    voice = SpeakerState(-1, 0.75, "known", 0.5)
    for i in range(100):
        talk(agent, clock, 1, start=i)
        engine.answer(i + 1, others=[voice])
        if i == 24:
            engine.on_faces(100.5, [])
    # One second after the last picture (at 0.48 s), five times a second; the times are those of the sound.
    assert told[0] == (100.5, [], [voice])
    shift = (VOICES_DELAY + 96) / 48_000
    assert [round(t + shift, 2) for t, *_ in told[1:]] == pytest.approx([101.48, 101.68, 101.88], abs=0.021)
    assert all((faces, others) == ([], [voice]) for _, faces, others in told[1:])
    for i in range(100, 150):
        talk(agent, clock, 1, start=i)
        engine.answer(i + 1)
    assert len(told) == 4, "of no voice nothing is told"
