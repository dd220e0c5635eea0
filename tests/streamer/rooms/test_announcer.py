import asyncio
from types import SimpleNamespace

import numpy as np
import pytest

from models.speech.tts import VoiceMissing
from streamer.mixing.desk import Desk
from streamer.mixing.listen_track import ListenTrack
from streamer.mixing.mixer import MIX_BLOCK
from streamer.rooms import announcer as module
from streamer.rooms.announcer import Announcer
from streamer.rooms.participant import Participant


class Voice:
    def __init__(self):
        self.read = []

    def say(self, text):
        self.read.append(text)
        return np.full(3 * MIX_BLOCK, 0.1, np.float32)


@pytest.fixture
def clock(monkeypatch):
    clock = SimpleNamespace(now=100.0)

    async def sleep(seconds):
        clock.now += seconds

    async def at_once(function, *arguments):
        return function(*arguments)

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock.now))
    monkeypatch.setattr(
        module, "asyncio", SimpleNamespace(create_task=asyncio.create_task, sleep=sleep, to_thread=at_once)
    )
    return clock


@pytest.fixture
async def room(monkeypatch, clock):
    voice = Voice()
    monkeypatch.setattr(module, "open_voice", lambda: voice)
    ann, bob = Participant("Ann", "watch"), Participant("Bob", "watch")
    desk = Desk()
    for person in (ann, bob):
        person.watcher = SimpleNamespace(listen=ListenTrack(desk))
        desk._listeners.append(person.watcher.listen)
    announcer = Announcer(lambda: [ann, bob])
    await announcer.want(ann, True)
    return announcer, voice, ann, bob


def heard(person):
    """The next block of what they hear."""
    person.watcher.listen._desk.step()
    return person.watcher.listen.mix.pcm


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_it_is_heard_by_those_who_want_it_only(room):
    announcer, voice, ann, bob = room
    announcer.announce("a dog")
    await settle()
    assert voice.read == ["a dog"]
    assert heard(ann)[0] == np.float32(0.1)
    assert not bob.watcher.listen.mix.pcm.any()


async def test_it_waits_until_nobody_speaks_and_stops_when_someone_begins(room, clock):
    announcer, voice, ann, _ = room
    announcer.somebody_talks()
    announcer.announce("a dog")
    announcer.announce("a cat")
    await settle()
    assert voice.read == ["a cat"] and clock.now >= 100 + module.QUIET
    assert heard(ann).any()
    announcer.somebody_talks()
    fading = heard(ann)
    assert fading[0] == np.float32(0.1) and fading[-1] == 0
    assert not heard(ann).any()


async def test_what_found_no_quiet_moment_is_left_out(room, clock):
    announcer, voice, _, _ = room
    announcer.somebody_talks()
    announcer.announce("a dog")
    announcer._talked = clock.now + module.STALE
    await settle()
    assert voice.read == []


async def test_who_has_enough_hears_no_more(room):
    announcer, voice, ann, _ = room
    await announcer.want(ann, False)
    announcer.announce("a dog")
    await settle()
    assert voice.read == [] and not heard(ann).any()


async def test_without_a_voice_who_wants_it_is_told_and_nobody_is_read_to(monkeypatch, clock):
    def missing():
        raise VoiceMissing("None here.")

    monkeypatch.setattr(module, "open_voice", missing)
    announcer = Announcer(list)
    with pytest.raises(VoiceMissing, match="None here"):
        await announcer.want(Participant("Ann", "watch"), True)
    assert not announcer._listeners
    announcer.announce("a dog")
    assert announcer._task is None
