"""Echo: found at every level and delay at which people hear it, and never where two merely sound at once."""

from __future__ import annotations

import numpy as np
import pytest

from models.common.arrays import F32
from streamer.mixing.echo import BLOCK, EVERY, PAUSE, RATE, THINNED, EchoWatch

SECONDS = 30
BLOCKS = SECONDS * 50


def voice(seed: int, share: float = 0.6) -> F32:
    """Something with words and pauses, shape (SECONDS * RATE,): noise in one band after another, RMS near 0.05."""
    random, parts, left = np.random.default_rng(seed), [], SECONDS * RATE
    while left > 0:
        size = int(random.uniform(0.1, 0.3) * RATE)
        word = np.convolve(random.standard_normal(size + 9), np.hanning(int(random.uniform(2, 8)) + 2), "same")
        sound = word[:size] * np.hanning(size)
        parts.append(0.05 * sound * (random.random() < share))
        left -= size
    return np.concatenate(parts)[: SECONDS * RATE].astype(np.float32)


def music(seed: int) -> F32:
    """Chords over a noise that never stops."""
    random, t = np.random.default_rng(seed), np.arange(SECONDS * RATE) / RATE
    pitches = np.repeat(random.uniform(110, 440, (3, SECONDS * 2)), RATE // 2, axis=1)
    chord = np.sin(2 * np.pi * np.cumsum(pitches, axis=1) / RATE).sum(axis=0)
    return (0.02 * chord + 0.01 * random.standard_normal(t.size)).astype(np.float32)


def room(sound: F32, delay: float, level: float) -> F32:
    """What a microphone hears of a loudspeaker: the direct sound, and 50 ms of what walls send back."""
    random, size = np.random.default_rng(5), RATE // 20
    walls = 0.02 * random.standard_normal(size) * np.exp(-np.arange(size) / (size / 4))
    walls[0] = 1.0
    heard = np.fft.irfft(np.fft.rfft(sound, 2 * sound.size) * np.fft.rfft(walls, 2 * sound.size))[: sound.size]
    late = np.concatenate([np.zeros(int(delay * RATE)), heard])[: sound.size]
    return (10 ** (level / 20) * late).astype(np.float32)


def floor(seed: int) -> F32:
    return (10 ** (-70 / 20) * np.random.default_rng(seed).standard_normal(SECONDS * RATE)).astype(np.float32)


def block(sound: F32, place: int) -> F32:
    """20 ms of a sound as a call carries it, shape (960,)."""
    return np.repeat(sound[place * BLOCK : (place + 1) * BLOCK], THINNED)


def warnings(sent: F32, came: F32) -> list[float]:
    """Seconds at which a participant is warned who is sent one sound and sends the other."""
    told: list[float] = []
    watch = EchoWatch(lambda: told.append(i / 50))
    for i in range(BLOCKS):
        watch.sent(block(sent, i), i)
        watch.came(block(came, i))
    return told


THEY, OWN = voice(1), voice(2)
TURNS = (np.arange(SECONDS * RATE) // (4 * RATE) % 2).astype(np.float32)
"""Four seconds of every eight."""


@pytest.mark.parametrize("level", [-6, -20, -30])
@pytest.mark.parametrize("delay", [0.06, 0.25, 0.5])
def test_an_echo_is_found_within_fifteen_seconds(level: float, delay: float) -> None:
    (first,) = warnings(THEY, room(THEY, delay, level) + floor(3))
    assert first <= 15.0


@pytest.mark.parametrize(("level", "own"), [(-6, OWN), (-20, OWN * TURNS), (-30, OWN * TURNS)])
def test_an_echo_is_found_while_both_talk(level: float, own: F32) -> None:
    assert len(warnings(THEY, room(THEY, 0.25, level) + own + floor(3))) == 1


def test_two_who_both_return_each_other_are_both_told() -> None:
    ann, ben = voice(1, 0.4), voice(4, 0.4)
    # What Ann is sent holds Ben, and Ann again by way of Ben's room.
    assert warnings(ben + room(ann, 0.3, -10), ann + room(ben, 0.2, -10) + floor(3))


def test_sound_that_is_no_echo_warns_nobody() -> None:
    hum = (0.02 * np.sin(2 * np.pi * 100 * np.arange(SECONDS * RATE) / RATE)).astype(np.float32)
    silence = np.zeros_like(THEY)
    for sent, came in (
        (THEY, OWN + floor(3)),
        (voice(1, 1.0), voice(2, 1.0)),
        (THEY + hum, OWN + hum),
        (THEY, silence),
        (silence, OWN),
        (music(7), music(8)),
    ):
        assert warnings(sent, came) == []


@pytest.mark.parametrize("delay", [0.0, 0.15, 0.4])
def test_music_that_both_listen_to_is_no_echo(delay: float) -> None:
    heard = room(music(7), delay, 0)
    assert warnings(music(7), heard) == []
    assert warnings(THEY + music(7), OWN + heard) == []
    assert warnings(THEY + music(7), heard) == []


def test_what_was_said_here_before_it_was_sent_is_the_others_echo() -> None:
    assert warnings(room(OWN, 0.3, -6), OWN + floor(3)) == []


def test_who_was_warned_is_left_alone_for_a_while() -> None:
    told: list[int] = []
    watch = EchoWatch(lambda: told.append(i))
    echo = room(THEY, 0.25, -6) + floor(3)
    for i in range((PAUSE + 12) * EVERY):
        watch.sent(block(THEY, i % BLOCKS), i)
        watch.came(block(echo, i % BLOCKS))
    assert len(told) == 2
    assert told[1] - told[0] >= PAUSE * EVERY


def test_blocks_that_were_left_out_are_counted() -> None:
    told: list[int] = []
    watch, echo = EchoWatch(lambda: told.append(1)), room(THEY, 0.25, -6) + floor(3)
    for i in range(BLOCKS):
        if i % 40 > 2:
            watch.sent(block(THEY, i), i)
        watch.came(block(echo, i))
    assert told


def test_what_is_kept_is_bounded() -> None:
    watch, silence = EchoWatch(lambda: None), np.zeros(960, np.float32)
    for i in range(1000):
        watch.sent(silence, 10**6 * i)
        watch.came(silence)
    kept = [len(vars(watch)[name]) for name in ("_sent", "_came")]
    assert kept == [210, 180]
