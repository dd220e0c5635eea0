"""Who talks right now, from what attribution knows, the lips and the level."""

from __future__ import annotations

import numpy as np
import pytest

from models.active_speaker.attribution import Attribution
from models.active_speaker.detector import (
    FALL,
    LIVE,
    RISE,
    SETTLED,
    UNKNOWN,
    SpeakingDetector,
    cues,
    talking,
)
from models.active_speaker.likelihoods import Prior, lip_features, lip_ratio
from models.active_speaker.loudness import Loudness
from models.common.arrays import F32

MEANS = np.array([[-3.0, 0.6], [-1.4, 1.0]], np.float32)
CHEWING_OVERRULES = pytest.param(
    LIVE,
    marks=pytest.mark.xfail(strict=True, reason="in a call lips that begin to move are ahead of what is heard"),
)

LOUD, QUIET = Loudness(-25.0, -70.0, -22.0), Loudness(-70.0, -70.0, -22.0)


def mouth(moves: bool, seed: int = 0) -> F32:
    """Ten pictures of lips."""
    rng = np.random.default_rng(seed)
    still = np.array([0.3, 4, 10, 9]) + rng.normal(0, 0.01, (10, 4))
    return (still + moves * rng.uniform(0, 1, (10, 1)) * np.array([2, 2, 0.5, 1])).astype(np.float32)


def known(speech: float, overlap: float = 0.0, **speakers: float) -> Attribution:
    by_number = {int(name[1:]): p for name, p in speakers.items()}
    return Attribution(1.0, speech, overlap, by_number, lip_means=dict.fromkeys((1, 2), MEANS))


def settled_at(
    detector: SpeakingDetector, what: Attribution, lips: dict[int, F32 | None], loudness: Loudness
) -> dict[int, float]:
    """What is said after a second of the same, the first of it quiet."""
    for _ in range(5):
        detector.update(Attribution(), {}, QUIET)
    for _ in range(25):
        said = detector.update(what, lips, loudness)
    return said


@pytest.mark.parametrize("weights", [LIVE, SETTLED])
def test_who_is_heard_and_moves_the_lips_talks_and_the_other_does_not(weights: tuple[float, ...]) -> None:
    lips: dict[int, F32 | None] = {1: mouth(True), 2: mouth(False)}
    said = settled_at(SpeakingDetector(weights), known(0.97, _1=0.97, _2=0.02), lips, LOUD)
    assert said[1] > 0.8 > 0.2 > said[2]


@pytest.mark.parametrize("weights", [LIVE, SETTLED])
def test_nobody_talks_in_silence_whoever_chews(weights: tuple[float, ...]) -> None:
    lips: dict[int, F32 | None] = {1: mouth(True), 2: mouth(False)}
    said = settled_at(SpeakingDetector(weights), known(0.02, _1=0.6, _2=0.3), lips, QUIET)
    assert max(said.values()) < 0.2


@pytest.mark.parametrize("weights", [CHEWING_OVERRULES, SETTLED])
def test_a_listener_who_chews_is_not_taken_for_the_talker(weights: tuple[float, ...]) -> None:
    lips: dict[int, F32 | None] = {1: mouth(True), 2: mouth(True, 1)}
    said = settled_at(SpeakingDetector(weights), known(0.97, _1=0.97, _2=0.02), lips, LOUD)
    assert said[1] > 0.5 > said[2]


@pytest.mark.parametrize("weights", [LIVE, SETTLED])
def test_a_voice_without_lips_talks_when_it_is_heard(weights: tuple[float, ...]) -> None:
    heard = settled_at(SpeakingDetector(weights), known(0.97, _1=0.02), {1: None}, LOUD)
    other = Attribution(1.0, 0.97, 0.0, {-1: 0.97, 1: 0.02})
    said = settled_at(SpeakingDetector(weights), other, {-1: None, 1: None}, LOUD)
    assert said[-1] > 0.5 > said[1] and heard[1] < 0.5


def test_cues_are_what_they_are_said_to_be() -> None:
    lips = mouth(True)
    features = lip_features(lips)
    assert features is not None
    ratio = float(lip_ratio(features.astype(np.float64), MEANS.astype(np.float64), Prior()))
    found = cues(known(0.8, 0.25, _1=0.9), 1, lips, Loudness(-40.0, -55.0, -35.0))
    odds = np.log(0.9 / 0.1)
    expected = [1, 0.75 * odds, ratio, 1, 1.5, -0.5, np.log(0.8 / 0.2), 0.25, 0.25 * odds, 0.25 * ratio]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    # Nothing known of a speaker, no lips, and a level that is beyond all measure.
    limit = np.log(0.982 / 0.018)
    nobody = cues(known(0.0), 7, None, Loudness(0.0, -75.0, 45.0))
    np.testing.assert_allclose(nobody, [1, np.log(UNKNOWN / (1 - UNKNOWN)), 0, 0, 3, -4, -limit, 0, 0, 0], rtol=1e-6)
    assert len(LIVE) == len(SETTLED) == len(found)


def test_weighing_is_logistic_and_finite() -> None:
    assert talking(np.zeros(10)) == 0.5
    assert talking(np.eye(10)[0], (np.log(3.0), *[0.0] * 9)) == pytest.approx(0.75)
    assert 0 <= talking(np.full(10, -1e9)) < 1e-9 and 1 - talking(np.full(10, 1e9)) < 1e-9


def test_rises_fast_and_falls_slowly() -> None:
    detector = SpeakingDetector((-np.log(3.0), *[0.0] * 9))
    first = detector.update(known(0.0), {1: None}, QUIET)[1]
    assert first == pytest.approx(0.25 * RISE)
    assert detector.update(known(0.0), {1: None}, QUIET)[1] == pytest.approx(first + (0.25 - first) * RISE)
    detector._speaking = {1: 0.9}
    assert detector.update(known(0.0), {1: None}, QUIET)[1] == pytest.approx(0.9 + (0.25 - 0.9) * FALL)
    assert RISE > FALL


def test_faces_come_and_go() -> None:
    detector = SpeakingDetector()
    assert set(detector.update(known(0.9), {1: mouth(True)}, LOUD)) == {1}
    assert set(detector.update(known(0.9), {2: None, -1: None}, LOUD)) == {2, -1}
    assert detector.update(known(0.9), {}, LOUD) == {} and detector._speaking == {}


def test_a_recording_knows_at_once() -> None:
    detector = SpeakingDetector((np.log(3.0), *[0.0] * 9), rise=1.0, fall=1.0)
    detector._speaking = {1: 0.9}
    assert detector.update(known(0.0), {1: None, 2: None}, QUIET) == pytest.approx({1: 0.75, 2: 0.75})
