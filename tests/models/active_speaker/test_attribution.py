"""Sound and lips of a stream brought together, with networks that know the answer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from models.active_speaker.attribution import (
    CONTEXT,
    LEAST_SOLO,
    PAST,
    SAMPLES,
    SILENCE,
    Attribution,
    Attributor,
    Networks,
)
from models.active_speaker.attribution import VoicePrint as Print
from models.active_speaker.chunk import CHUNK
from models.active_speaker.inference import WINDOW
from models.active_speaker.settled import APART, SHORTEST, SettledAttributor, Survey
from models.common.arrays import F32
from models.common.audio import SAMPLE_RATE

STEP = 640
LEVELS = {"a": 0.1, "b": 0.3}
"""A voice is a constant: what is heard tells whose it is."""


@dataclass(frozen=True)
class Activity:
    speech: F32
    overlap: F32


class Ears:
    """Networks that know each voice by its level; both at once add up to 0.4."""

    def __init__(self) -> None:
        self.printed: list[F32] = []
        self.longest = self.asked = 0

    def segment(self, pcm: F32) -> Activity:
        assert len(pcm) <= CONTEXT
        self.asked += 1
        self.longest = max(self.longest, len(pcm))
        frames = pcm[: len(pcm) // 160 * 160].reshape(-1, 160).max(axis=1)
        return Activity((frames > 0.05).astype(np.float32), (frames > 0.35).astype(np.float32))

    def embed(self, pcm: F32) -> F32:
        self.asked += 1
        share = np.array([np.isclose(pcm, level).mean() for level in LEVELS.values()])
        out = np.zeros(192, np.float32)
        out[:2] = share + 1e-3
        return out / np.float32(np.linalg.norm(out))

    def prints(self, pcm: F32) -> F32:
        self.printed.append(pcm)
        return np.full(256, pcm.mean(), np.float32)

    @property
    def networks(self) -> Networks:
        return Networks(self.segment, self.embed, self.prints)


class Call:
    """Two faces; who speaks moves the lips."""

    def __init__(self, hears: Attributor | Survey) -> None:
        self.hears, self.t, self.rng = hears, 0.0, np.random.default_rng(0)

    def go(self, seconds: float, *speaks: str, faces: bool = True) -> None:
        for _ in range(round(seconds * SAMPLE_RATE / STEP)):
            level = sum(LEVELS[name] for name in speaks)
            if faces:
                seen = [(1, self._lips("a" in speaks)), (2, self._lips("b" in speaks))]
                self.hears.see(self.t, seen)
            self.hears.hear(self.t, np.full(STEP, level, np.float32))
            self.t = round(self.t + STEP / SAMPLE_RATE, 6)

    def _lips(self, moves: bool) -> F32:
        still = np.array([0.3, 4, 10, 9]) + self.rng.normal(0, 0.02, 4)
        return (still + moves * self.rng.uniform(0, 1) * np.array([2, 2, 0.5, 1])).astype(np.float32)


@pytest.fixture
def ears() -> Ears:
    return Ears()


def test_both_voices_are_learnt_from_what_each_said_alone(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    assert attributor.latest == Attribution()
    for name in ("a", "b", "a", "b"):
        call.go(2.4, name)
    call.go(2.0, "a", "b")
    latest = attributor.latest
    assert latest.t == pytest.approx(call.t - 0.1, abs=0.2)
    assert (latest.speech, latest.overlap) == (1.0, 1.0)
    assert set(latest.prints) == {1, 2} and latest.lately == {1, 2}
    assert latest.prints[1].print[0] == pytest.approx(0.1) and latest.prints[2].print[0] == pytest.approx(0.3)
    # Nothing but one voice alone was ever listened to: no neighbour's beginning, no overlap, no pause.
    assert all(np.allclose(pcm, pcm[0]) for pcm in ears.printed)
    assert all(len(pcm) >= LEAST_SOLO * SAMPLES for pcm in ears.printed)
    assert all(0.85 <= known.confidence <= 1 for known in latest.prints.values())
    assert set(latest.lip_means) == {1, 2}


def test_who_speaks_is_said_within_a_second(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    for name in ("a", "b", "a"):
        call.go(2.0, name)
    call.go(1.0, "b")
    speakers = attributor.latest.speakers
    assert speakers[2] > 0.8 > 0.2 > speakers[1]


def test_prints_are_made_anew_of_what_is_told_to_be_anothers(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    for name in ("a", "b", "a", "b"):
        call.go(2.4, name)
    call.go(1.0)
    attributor.tell(0.0, 2.4, 2)
    attributor.tell(2.4, 4.8, 1)
    attributor.tell(4.8, 7.2, 2)
    attributor.tell(7.2, 9.6, 1)
    call.go(1.0)
    assert attributor.latest.prints == {}
    # Whose the voice is holds where no lips are to be seen.
    call.go(3.0, "a", faces=False)
    call.go(3.0, "b", faces=False)
    prints = attributor.latest.prints
    assert prints[2].print[0] == pytest.approx(0.1) and prints[1].print[0] == pytest.approx(0.3)


def test_a_gap_is_silence_and_the_clock_goes_on(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    call.go(2.0, "a")
    count = attributor.inference.count
    call.t += 0.5
    call.go(1.0, "a")
    assert attributor.time(0) == 0.0
    # 3.5 s are heard, and the last 0.1 s are waited for.
    assert count == 9 and attributor.inference.count == 17
    gap = [attributor.inference.chunk(number) for number in (10, 11)]
    assert all(chunk.speech < 0.5 for chunk in gap)


@pytest.mark.parametrize("step", [-1.0, 5.0, 1e6])
def test_a_step_of_the_clock_joins_the_sound_on(ears: Ears, step: float) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    call.go(2.0, "a")
    call.t += step
    call.go(1.0, "a")
    assert attributor.inference.count == 14
    assert attributor.latest.t == pytest.approx(call.t - 0.2, abs=1e-3)
    assert attributor.latest.speakers[1] > 0.8


def test_ten_minutes_take_no_more_memory_than_one(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    attributor = Attributor(ears.networks)
    # What is kept does not depend on what is made of it, which would take most of the time here.
    monkeypatch.setattr(attributor.inference, "infer", lambda iterations: None)
    block, quiet = np.full(SAMPLES, 0.1, np.float32), np.zeros(SAMPLES, np.float32)
    sizes = []
    for i in range(600 * 5):
        t = i * CHUNK
        attributor.see(t, [(1, np.array([0.3, 4, 10, 9], np.float32))])
        attributor.hear(t, quiet if i % 50 >= 10 else block)
        if i % 300 == 299:
            sizes.append((len(attributor._sound), len(attributor.inference._chunks), len(attributor._lips)))
    assert max(size[0] for size in sizes) <= (PAST + 2.2) * SAMPLE_RATE
    assert sizes[-1][1] == sizes[1][1] == WINDOW and max(size[2] for size in sizes) <= 1000
    assert attributor._heard == 600 * SAMPLE_RATE and ears.longest == CONTEXT


def test_silence_is_not_asked_about(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    for i in range(50):
        attributor.hear(i * 0.04, np.full(STEP, SILENCE / 2, np.float32))
    assert ears.longest == 0 and attributor.latest.speech == 0.0


def test_voices_from_before_are_known_until_more_is_heard(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    before = Print(np.ones(256, np.float32), 8.0, 0.9)
    attributor.recall({1: before, -1: before})
    call = Call(attributor)
    call.go(1.0)
    assert attributor.latest.prints == {1: before}


def surveyed(ears: Ears) -> tuple[Survey, Call]:
    survey = Survey(ears.networks)
    call = Call(survey)
    for name in ("a", "b", "a", "b"):
        call.go(2.0, name)
        call.go(1.0)
    return survey, call


def test_a_first_pass_knows_everybody_from_the_first_second(ears: Ears) -> None:
    survey, call = surveyed(ears)
    settled = survey.settle()
    for t, id in ((0.2, 1), (1.8, 1), (3.2, 2), (4.8, 2), (6.5, 1), (9.5, 2)):
        there = settled.at(t)
        assert set(there.prints) == {1, 2} and there.speech > 0.9
        assert max(there.speakers, key=lambda other, said=there.speakers: said[other]) == id, t
    assert settled.at(2.5).speech < 0.1
    assert settled.at(0.5).prints[2].print[0] == pytest.approx(0.3)
    assert all(np.allclose(pcm, pcm[0]) for pcm in ears.printed)
    # Before the beginning and after the end it is as at the beginning and at the end.
    assert settled.at(-5.0).speakers == settled.at(0.05).speakers
    assert settled.at(99.0).speakers == settled.at(call.t).speakers


def test_between_the_middles_of_chunks_both_count(ears: Ears) -> None:
    settled = surveyed(ears)[0].settle()
    one, other = settled.at(2.9), settled.at(3.1)
    between = settled.at(3.05)
    assert between.speech == pytest.approx(0.25 * one.speech + 0.75 * other.speech, abs=1e-6)
    for id in (1, 2):
        mixed = 0.25 * one.speakers[id] + 0.75 * other.speakers[id]
        assert between.speakers[id] == pytest.approx(mixed, abs=1e-6)


def test_a_first_pass_knows_how_loud_the_sound_is(ears: Ears) -> None:
    settled = surveyed(ears)[0].settle()
    levels = {name: 20 * np.log10(level) for name, level in LEVELS.items()}
    first, pause = settled.loudness(0.5), settled.loudness(2.5)
    assert (first.now, first.loudest, pause.now) == pytest.approx((levels["a"], levels["b"], -100.0))
    assert Survey(ears.networks).settle().loudness(0.0).now == -100.0


def test_own_speech_is_far_from_everybody_elses(ears: Ears) -> None:
    survey, call = surveyed(ears)
    for _ in range(3):
        call.go(1.0, "a", "b")
        call.go(0.6, "a")
    call.go(1.0, "a", "b")
    call.go(1.0)
    # One after the other without a pause.
    changes = call.t + 2.0
    call.go(2.0, "a")
    call.go(2.0, "b")
    call.go(1.0)
    solo = survey.settle().solo
    held = {id: [(begin, begin + len(pcm) / SAMPLE_RATE) for begin, pcm in runs] for id, runs in solo.items()}
    # What is heard of one between two overlaps may be a third, that was not noticed.
    assert not [run for run in held[1] if run[1] > 12.0 and run[0] < 18.8]
    last, first = held[1][-1], held[2][-1]
    assert changes - last[1] == pytest.approx(APART * CHUNK, abs=CHUNK + 0.01)
    assert first[0] - changes == pytest.approx(APART * CHUNK, abs=CHUNK + 0.01)


def test_a_voice_takes_part_around_its_words(ears: Ears) -> None:
    survey, call = surveyed(ears)
    call.go(30.0, "b")
    settled = survey.settle()
    assert settled.at(7.0).lately == {1, 2}
    # 8 s after its last word the first takes part no more; 2 s before its first word the second does.
    assert settled.at(8.0 + 7.6).lately == {1, 2} and settled.at(8.0 + 8.1).lately == {2}
    assert settled.at(0.5).lately == {1} and settled.at(1.2).lately == {1, 2}


def test_a_settled_attributor_only_looks_up(ears: Ears) -> None:
    settled = surveyed(ears)[0].settle()
    attributor = SettledAttributor(settled)
    assert set(attributor.latest.prints) == {1, 2}
    assert attributor.hear(6.5, np.zeros(STEP, np.float32))
    middle = 6.5 + STEP / SAMPLE_RATE / 2
    assert attributor.latest == settled.at(middle) and 3 not in attributor.latest.speakers


def test_a_recording_without_sound_knows_nobody(ears: Ears) -> None:
    settled = Survey(ears.networks).settle()
    assert settled.at(1.0) == Attribution(t=1.0)
    assert CHUNK * SAMPLE_RATE == SAMPLES


def test_in_a_hurry_nothing_is_listened_to_and_who_speaks_is_told_by_what_is_known(ears: Ears) -> None:
    attributor = Attributor(ears.networks)
    call = Call(attributor)
    for name in ("a", "b", "a"):
        call.go(2.4, name)
    asked, prints = ears.asked, attributor.latest.prints
    for _ in range(40):
        attributor.see(call.t, [(1, call._lips(True)), (2, call._lips(False))])
        attributor.hear(call.t, np.full(STEP, 0.1, np.float32), hurry=True)
        call.t = round(call.t + STEP / SAMPLE_RATE, 6)
    assert ears.asked == asked
    latest = attributor.latest
    assert latest.t == pytest.approx(call.t - 0.1, abs=0.2) and latest.prints == prints
    assert max(latest.speakers, key=lambda id: latest.speakers[id]) == 1


def test_after_a_first_pass_it_is_known_who_was_alone_around_a_moment(ears: Ears) -> None:
    survey = Survey(ears.networks)
    call = Call(survey)
    for speaks in (("a",), ("b",), ("a", "b"), ("b",)):
        call.go(3.0, *speaks)
    settled = survey.settle()
    alone = {round(begin, 1): who for t in (2.0, 4.0, 6.0, 8.0, 10.0) for begin, _, who in settled.at(t).alone}
    assert [alone[t] for t in (0.6, 1.6, 3.6, 4.6, 6.6, 8.6)] == [1, 1, 2, 2, None, None]
    # Two seconds before, and one after.
    assert (min(alone), max(alone)) == (pytest.approx(0.0, abs=0.21), pytest.approx(10.8, abs=0.21))


def test_a_first_pass_keeps_what_each_said_alone(ears: Ears) -> None:
    survey, call = surveyed(ears)
    call.go(3.0, "a", "b")
    settled = survey.settle()
    assert set(settled.solo) == {1, 2}
    for id, (first, second), level in ((1, (0.0, 6.0), 0.1), (2, (3.0, 9.0), 0.3)):
        (one, pcm), (other, more) = settled.solo[id]
        assert one == pytest.approx(first, abs=0.3) and other == pytest.approx(second, abs=0.3)
        # Nothing but this voice alone: no neighbour, no pause, not what both said at once.
        assert np.allclose(pcm, level) and np.allclose(more, level)
        assert all(1.4 * SAMPLE_RATE <= len(x) <= 2.0 * SAMPLE_RATE and len(x) % SAMPLES == 0 for x in (pcm, more))
    assert settled.duration == pytest.approx(call.t, abs=0.3) and settled.overlap == pytest.approx(3.0, abs=0.41)


def test_of_much_speech_the_surest_minute_is_kept(ears: Ears, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.active_speaker.settled.KEPT_SOLO", 8)
    solo = surveyed(ears)[0].settle().solo
    assert all(sum(len(pcm) for _, pcm in runs) <= 8 * SAMPLES for runs in solo.values())
    assert all(len(pcm) >= SHORTEST * SAMPLES for runs in solo.values() for _, pcm in runs)
