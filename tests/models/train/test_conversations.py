"""Composed conversations: whose face it is, who talks, and what the figures made of them say."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.conversations import Score, in_step, mostly, one_speaker, read_events, summary
from bench.diarization import FRAME, error_rate, near_changes
from bench.si_sdr import si_sdr
from models.active_speaker.chunk import Chunk
from models.active_speaker.likelihoods import Prior
from models.train.active_speaker.evidence import Evidence, Lips
from models.train.active_speaker.fit import CHEWING, Rows, balanced, cross_validated, fit, rows_of
from models.train.active_speaker.listeners import SILENCE, chewing
from models.train.active_speaker.prior import right, search
from models.train.data.conversations import load

RATE = 16_000


def folder(path: Path, shots: list[tuple[float, float, int]]) -> Path:
    rng, voices = np.random.default_rng(0), np.zeros((3, 4 * RATE), np.float32)
    voices[0, :RATE], voices[1, RATE : 2 * RATE] = rng.normal(0, 0.1, (2, RATE))
    voices[:2, 3 * RATE :] = rng.normal(0, 0.1, (2, RATE))
    (path / "pair7.mp4").touch()
    np.savez(
        path / "pair7.npz",
        voices=voices,
        people=np.array(["ann", "bob", "eve"]),
        side=np.array([0, 1, -1]),
        shots=np.array(shots, np.float32),
        overlap=np.array([3, 4], np.float32),
    )
    return path


def test_a_conversation_is_read_and_tells_who_talks(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no conversation"):
        load(tmp_path)
    (one,) = load(folder(tmp_path, [(0, 4, -1)]))
    assert (one.kind, one.people, one.seen, one.overlap) == ("pair", ("ann", "bob", "eve"), [0, 1], (3.0, 4.0))
    talks = one.talks()
    assert talks.shape == (3, 100) and not talks[2].any()
    assert talks[0, :24].all() and not talks[0, 28:72].any() and talks[:2, 77:].all() and talks[1, 28:47].all()


def test_a_face_is_a_person_by_its_side_or_its_shot(tmp_path: Path) -> None:
    (one,) = load(folder(tmp_path, [(0, 1.16, 1), (1.16, 4, -1)]))
    left, right_ = (0.1, 0.1, 0.2, 0.2), (0.6, 0.1, 0.2, 0.2)
    assert one.person_at(0.5, left) == one.person_at(0.5, right_) == 1
    assert (one.person_at(1.16, left), one.person_at(1.2, right_), one.person_at(4.0, left)) == (0, 1, None)


def test_error_rate_counts_missed_made_up_and_confused_speech() -> None:
    truth = np.zeros((2, 500), bool)
    truth[0, :250], truth[1, 250:] = True, True
    errors, speech = error_rate(truth, truth[::-1])
    # 10 s of speech, less 0.125 s on either side of the change and at both ends.
    assert errors == 0 and speech == pytest.approx(10 - 0.5, abs=4 * FRAME)
    assert error_rate(truth, np.zeros((0, 500), bool)) == (speech, speech)
    # One speaker for everything: half of it is the wrong one.
    errors, _ = error_rate(truth, np.ones((1, 500), bool))
    assert errors == pytest.approx(speech / 2, abs=2 * FRAME)
    # And a second speaker made up beside.
    errors, _ = error_rate(truth, np.concatenate([truth, truth.any(axis=0)[None]]))
    assert errors == pytest.approx(speech, abs=1e-9)


def test_overlap_must_be_found_too() -> None:
    truth = np.ones((2, 100), bool)
    errors, speech = error_rate(truth, truth[:1])
    assert errors == pytest.approx(speech / 2)
    assert near_changes(truth).sum() == 2 * 6


def test_si_sdr_is_at_the_best_delay_and_finite() -> None:
    rng = np.random.default_rng(0)
    target = rng.standard_normal(RATE)
    noisy = target + 0.1 * rng.standard_normal(RATE)
    assert si_sdr(noisy, target) == pytest.approx(20, abs=0.3)
    assert in_step(np.roll(noisy, 240) * 0.3 + 1.0, target) == pytest.approx(20, abs=0.5)
    assert np.isfinite(si_sdr(np.zeros(RATE), target))


def test_whose_voice_a_file_holds() -> None:
    voices = np.random.default_rng(0).standard_normal((3, 4000))
    assert mostly(0.2 * voices[0] + 0.9 * voices[1], voices) == 1


def test_a_voice_off_camera_is_one_speaker_or_two() -> None:
    truth = np.zeros((3, 100), bool)
    truth[2, 20:60], truth[0, 60:] = True, True
    first, second = np.zeros(100, bool), np.zeros(100, bool)
    first[20:50], second[50:60] = True, True
    assert one_speaker(truth, [0, 1], [first, second]) == 0.75
    assert one_speaker(truth, [0, 1], []) == 0.0
    assert one_speaker(truth[:2], [0, 1], [first]) is None


def test_who_is_not_in_the_picture_talks_too(tmp_path: Path) -> None:
    (one,) = load(folder(tmp_path, [(0, 4, -1)]))
    face = {"type": "face", "id": 1, "box": [0.1, 0.1, 0.2, 0.2], "voice_known": False}
    told = [{"t": 0.04, "speaking": 0.9, **face}, {"t": 3.2, "speaking": 0.2, **face}]
    told += [
        {"t": 0.075, "type": "heard", "id": -1, "speaking": 0.6},
        {"t": 3.2, "type": "heard", "id": 2, "speaking": 0.1},
    ]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in told))
    seen = read_events(tmp_path / "events.jsonl", one, one.talks())
    assert dict(seen.talks) == {1: {1}, -1: {2}}
    assert seen.judged == [(True, True), (True, False)] and list(seen.numbers) == [0]


def test_a_row_of_the_table() -> None:
    one = Score(
        [2.0, -4.0], [False, True], [True, False], [True, False], [True, True], 1,
        [(True, True), (True, False), (False, False), (False, False)], [1.0, np.inf], 0.5, 1.0, 2.0, 4.0,
    )  # fmt: skip
    row = summary("pair", [one], 0.5)
    assert row[:7] == ["pair, 1", "-1.00 dB", "1/2", "50%", "1/2, 1 right", "0.750", "2/2"]
    assert row[7:] == ["1", "50%", "25.0% / 50.0%", "1.0 s / never", "0.50"]


def rows(cue: np.ndarray, talks: np.ndarray, people: str | np.ndarray = "ann") -> Rows:
    """Moments of which one number is known."""
    count = len(talks)
    names = np.broadcast_to(np.asarray(people), (count,))
    return Rows(np.stack([np.ones(count), cue], axis=1), talks, names, np.full(count, "pair"), np.ones(count))


def test_weights_are_found_whatever_the_share_of_speech() -> None:
    rng = np.random.default_rng(0)
    talks = rng.random(20_000) < 0.2
    # Two Gaussians at -1 and 1: log-odds are twice the value, and the threshold between them is 0.
    cue = np.where(talks, 1.0, -1.0) + rng.standard_normal(len(talks))
    bias, weight = fit(rows(cue, talks))
    assert (bias, weight) == (pytest.approx(0.0, abs=0.1), pytest.approx(2.0, abs=0.1))


def test_what_counts_twice_is_as_if_it_stood_there_twice() -> None:
    rng = np.random.default_rng(2)
    some = rows(rng.standard_normal(60), rng.random(60) < 0.4)
    twice = np.concatenate([np.arange(60), np.arange(20)])
    weights = np.where(np.arange(60) < 20, 2.0, 1.0)
    there = Rows(*(part[twice] for part in (some.cues, some.talks, some.people, some.kinds, some.weights)))
    np.testing.assert_allclose(fit(replace(some, weights=weights)), fit(there), atol=1e-6)


def test_listeners_who_chew_count_less() -> None:
    talks = [True, False]
    plain = Evidence("cuts", [np.ones(10)] * 2, [np.ones(10)] * 2, talks, ["ann"] * 2)
    made = rows_of([plain, replace(plain, kind="cuts, chewing")], settled=False)
    assert made.weights.tolist() == [1, 1, CHEWING, CHEWING]


def test_each_person_is_judged_by_what_others_taught() -> None:
    rng = np.random.default_rng(1)
    talks = np.arange(900) % 2 == 0
    people = np.repeat(np.array(["ann", "bob", "eve"]), 300)
    # What means speech for two means silence for the third: nobody else could have taught that.
    sign = np.where(people == "eve", -1.0, 1.0)
    cue = sign * np.where(talks, 3.0, -3.0) + rng.normal(0, 0.1, 900)
    judged = cross_validated(rows(cue, talks, people))
    assert balanced(judged[people == "eve"], talks[people == "eve"]) == (0.0, 0.0)


def test_listeners_chew_or_freeze_and_everybody_chews_in_the_silence_at_the_end(tmp_path: Path) -> None:
    (one,) = load(folder(tmp_path, [(0, 4, -1)]))
    talks, rng = one.talks(), np.random.default_rng(0)
    # Who talks has odd numbers, each its own.
    seen = [
        Lips(i * 0.04, person, np.full(4, 2 * i + talks[person, i], np.float32))
        for i in range(100)
        for person in (0, 1)
    ]
    turns = set()
    for _ in range(8):
        longer, lips = chewing(one, seen, rng)
        assert [each.t for each in lips] == sorted(each.t for each in lips)
        assert longer.mixture.shape == (round((4 + SILENCE) * RATE),) and not longer.talks()[:, 104:].any()
        for person in (0, 1):
            mine = [each for each in lips if each.person == person]
            values = np.array([each.numbers for each in mine if each.numbers is not None])[:, 0]
            assert len(mine) == 175 and (values % 2 == 1).all()
            own = talks[person]
            np.testing.assert_array_equal(values[:100][own], 2 * np.flatnonzero(own) + 1)
            turns.add(bool(np.ptp(values[40:70]))) if person == 0 else None
            assert np.ptp(values[100:]) > 0
    assert turns == {True, False}


def spoken() -> Evidence:
    rng = np.random.default_rng(0)
    voices = np.linalg.qr(rng.standard_normal((192, 2)))[0].T.astype(np.float32)
    chunks = []
    for i in range(40):
        speaks = i // 10 % 2
        lips = {k + 1: np.array([-2.4, -0.4] if k == speaks else [-3.1, -1.6], np.float32) for k in (0, 1)}
        chunks.append(Chunk(0.95, 0.0, lips, voices[speaks]))
    truth = np.repeat(np.stack([np.arange(40) // 10 % 2 == k for k in (0, 1)]), 5, axis=1)
    return Evidence("pair", chunks=chunks, truth=truth)


def test_the_prior_is_scored_by_what_is_given_to_who_speaks() -> None:
    one = spoken()
    assert right(one.chunks, one.truth, Prior()) > 0.9
    assert right(one.chunks, one.truth[::-1], Prior()) < 0.1
    found = list(search([one], 1, np.random.default_rng(0)))
    assert found[0].prior == Prior() and 0.9 < found[0].score <= 1
    assert [better.score for better in found] == sorted(better.score for better in found)
