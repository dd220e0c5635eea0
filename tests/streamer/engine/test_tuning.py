"""Which voices a separator is tuned to before the second pass, with which lips, and whether that is kept."""

from __future__ import annotations

import numpy as np
import pytest

from models.active_speaker.attribution import VoicePrint
from models.active_speaker.settled import Judged, Settled
from models.common.arrays import F32
from models.faces.tracker import Face
from models.separation.separator import Separator
from models.train.separation.tuning import FRAME, Tuned, Voice
from streamer.engine import tuning
from streamer.engine.survey import Known
from streamer.engine.tuning import MOST_STEPS, obstacle, tuned, verdict, voices_of

RUN = 0.2
"""Seconds of a chunk."""


def face(id: int, open: float, visible: bool = True) -> Face:
    return Face(id, (0.1, 0.1, 0.2, 0.2), 0.9, np.full(4, open, np.float32), visible, None)


def known(solo: dict[int, list[float]], overlap: float = 3.0, duration: float = 60.0, **more: object) -> Known:
    """Voices that are each the constant of their number, in stretches as long as told, a second apart."""
    runs, t = {}, 0.0
    for id, lengths in solo.items():
        runs[id] = list[tuple[float, F32]]()
        for seconds in lengths:
            runs[id].append((t, np.full(round(seconds * 16_000), id, np.float32)))
            t += seconds + 1.0
    both = round(overlap / RUN)
    chunks = [Judged(0.9, 0.9, {})] * both + [Judged(0.9, 0.0, {})] * (round(duration / RUN) - both)
    prints = {id: VoicePrint(np.full(256, id, np.float32), 4.0, 0.9) for id in solo}
    return Known(Settled(0.0, chunks, prints, {}, solo=runs), **more)  # type: ignore[arg-type]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Voice], int]]:
    """What was asked of a tuner that gains 2 dB."""
    calls = []

    def tune(net: Separator, voices: list[Voice], steps: int, tell: object) -> Tuned:
        calls.append((voices, steps))
        return Tuned(net, np.array([3.0, 5.0], np.float32), np.array([5.5, 6.5], np.float32))

    monkeypatch.setattr(tuning, "tune", tune)
    return calls


NET = Separator(width=8, hidden=8, stacks=2, depth=1)


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (known({}), "no voice is known"),
        (known({1: [20.0]}), "one voice is known"),
        (known({1: [20.0], 2: [20.0]}, overlap=0.8), "people talk at once for 0.8 s"),
        (known({1: [12.4], -1: [3.0, 4.0]}), "two voices of 8 s alone are needed (Voice 1 7 s, Face 1 12 s)"),
    ],
)
def test_what_is_in_the_way_is_said(found: Known, why: str, asked: list[object]) -> None:
    result, net = tuned(NET, found)
    assert (result.voices, result.gain, result.kept) == ([], None, False) and net is None
    assert result.text == f"not tuned: {why}" and asked == []


def test_voices_are_their_stretches_joined(asked: list[tuple[list[Voice], int]]) -> None:
    found = known({1: [6.0, 0.6, 3.0], 2: [3.0], -1: [8.2]})
    result, net = tuned(NET, found)
    assert net is NET and result == tuning.Tuning([-1, 1], 2.0, True, "tuned to 2 voices, +2.0 dB on speech held back")
    ((first, second), steps) = asked[0]
    assert first.speech.shape == (205 * FRAME,) and second.speech.shape == (240 * FRAME,)
    assert set(first.speech) == {-1.0} and set(second.speech) == {1.0} and second.print[0] == 1.0
    assert not first.visible.any() and first.lips.shape == (205, 4)
    assert steps == tuning.LEAST_STEPS


def test_a_long_recording_is_worth_more_steps_but_not_any_number(asked: list[tuple[list[Voice], int]]) -> None:
    for duration, steps in ((60.0, 40), (200.0, 50), (3600.0, MOST_STEPS)):
        tuned(NET, known({1: [9.0], 2: [9.0]}, duration=duration))
        assert asked[-1][1] == steps


def test_of_many_voices_those_count_that_said_most() -> None:
    found = voices_of(known({id: [8.0 + id] for id in range(1, 9)}))
    assert list(found) == [3, 4, 5, 6, 7, 8]


def test_what_gains_nothing_on_speech_held_back_is_not_kept() -> None:
    before = np.array([4.0, 6.0], np.float32)
    kept, net = verdict([1, 2], Tuned(NET, before, before + np.float32(0.31)))
    assert kept.kept and net is NET
    left, net = verdict([1, 2], Tuned(NET, before, before + np.float32(0.29)))
    assert net is None and not left.kept and left.gain == pytest.approx(0.29)
    assert left.text == "not tuned: +0.3 dB on speech held back" and left.voices == [1, 2]


def test_lips_are_those_of_the_moment_as_the_separator_is_given_them() -> None:
    # Lips that count time, seen every 40 ms from 0.2 s on; not from 4 s to 5 s, and hidden after 6 s.
    times = [round(0.04 * i, 2) for i in range(5, 200) if not 4 < 0.04 * i < 5]
    faces = {t: [face(2, -1.0), face(1, t, visible=t < 6)] for t in times}
    voice = voices_of(known({1: [8.0], 2: [8.0]}, faces=faces))[1]
    wanted = 0.04 * np.arange(200) - 0.02
    seen = (wanted >= 0.2) & ~((wanted > 4) & (wanted < 5)) & (wanted < 5.96)
    assert np.array_equal(voice.visible, seen)
    assert voice.lips[seen] == pytest.approx(np.repeat(wanted[seen, None], 4, axis=1), abs=1e-5)


def test_obstacle_is_nothing_when_two_voices_said_enough() -> None:
    found = known({1: [9.0], 2: [9.0], 3: [1.0]})
    assert obstacle(found, voices_of(found)) == ""


def test_voices_whose_lips_are_seen_are_tuned_to_as_well() -> None:
    found = known({1: [9.0], 2: [9.0]}, faces={round(0.04 * i, 2): [face(1, 1.0)] for i in range(100)})
    assert obstacle(found, voices_of(found)) == ""
