"""Who speaks, and by how much the lips are ahead, on made-up syllables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.active_speaker.detector import NoiseFloor, OffsetEstimator, SpeakingDetector

STEP = 0.04


def syllables(seed: int, seconds: float = 30.0) -> Callable[[float], float]:
    """A smooth loudness 0..1 with pauses, at any time."""
    rng = np.random.default_rng(seed)
    starts = np.cumsum(rng.choice([0.16, 0.2, 0.28, 0.7], size=round(seconds * 4)))
    heights = rng.uniform(0.5, 1.0, len(starts))

    def loudness(t: float) -> float:
        return float((heights * np.exp(-(((t - starts) / 0.06) ** 2))).max())

    return loudness


def mouth(open: float, tremble: float = 0.0) -> np.ndarray:
    return np.array([0.3 + 3 * open, 4 + 3 * open, 10 + open, 9 + 2 * open], np.float32) + np.float32(tremble)


def level(open: float) -> float:
    return float(20 * np.log10(0.002 + 0.1 * open))


def run(
    lips: Callable[[float], tuple[np.ndarray, bool]],
    voice: Callable[[float], float],
    mix: Callable[[float], float],
    seconds: float = 8.0,
) -> np.ndarray:
    detector = SpeakingDetector()
    out = []
    for i in range(round(seconds / STEP)):
        t = i * STEP
        out.append(detector.update(t, {1: lips(t)}, {1: voice(t)}, mix(t))[1])
    return np.array(out)


def test_talker_alone() -> None:
    said = syllables(1)
    p = run(lambda t: (mouth(said(t + 0.06)), True), lambda t: level(said(t)) - 1, lambda t: level(said(t)), 10)
    loud = np.array([said(i * STEP) > 0.3 for i in range(len(p))])
    assert p[50:][loud[50:]].mean() > 0.85 and p.min() >= 0 and p.max() <= 1


def test_silent_face_beside_a_talker() -> None:
    said, rng = syllables(2), np.random.default_rng(0)
    p = run(
        lambda t: (mouth(0.0, float(rng.normal(0, 0.03))), True),
        lambda t: level(said(t)) - 12,
        lambda t: level(said(t)),
    )
    assert p[10:].max() < 0.3


def test_chewing_in_silence() -> None:
    said = syllables(3)
    p = run(lambda t: (mouth(said(t)), True), lambda t: -72.0, lambda t: -65.0)
    assert p[10:].max() < 0.4


def test_chewing_while_another_talks_is_doubted_more_than_talking() -> None:
    chew, said = syllables(4), syllables(5)
    apart = run(lambda t: (mouth(chew(t)), True), lambda t: level(said(t)) - 8, lambda t: level(said(t)))
    along = run(lambda t: (mouth(said(t)), True), lambda t: level(said(t)) - 1, lambda t: level(said(t)))
    assert apart[50:].mean() < along[50:].mean() - 0.1


def test_hidden_lips_leave_it_to_the_sound() -> None:
    said = syllables(6)
    hidden = (np.zeros(4, np.float32), False)
    talks = run(lambda t: hidden, lambda t: level(said(t)) - 1, lambda t: level(said(t)), 10)
    quiet = run(lambda t: hidden, lambda t: level(said(t)) - 18, lambda t: level(said(t)), 10)
    assert talks[50:].mean() > 0.6 > 0.3 > quiet[50:].mean()


def test_rises_fast_and_falls_slowly() -> None:
    said = syllables(7)

    def open_at(t: float) -> float:
        return said(t) if 3 <= t < 6 else 0.0

    p = run(lambda t: (mouth(open_at(t)), True), lambda t: level(open_at(t)), lambda t: level(open_at(t)), 9)
    start, stop = round(3 / STEP), round(6 / STEP)
    assert p[start - 1] < 0.1
    assert p[start : start + 20].max() > 0.5
    assert p[stop : stop + 3].min() > 0.2 > p[stop + 40]


def test_digital_silence_and_nonsense_stay_finite() -> None:
    p = run(lambda t: (np.full(4, np.nan, np.float32), True), lambda t: -300.0, lambda t: -100.0)
    assert np.isfinite(p).all() and p.max() < 0.1


def test_half_the_pictures_give_the_same_answer() -> None:
    said = syllables(8)

    def held(t: float) -> tuple[np.ndarray, bool]:
        return mouth(said(np.floor(t / 0.08) * 0.08)), True

    full = run(lambda t: (mouth(said(t)), True), lambda t: level(said(t)), lambda t: level(said(t)), 10)
    half = run(held, lambda t: level(said(t)), lambda t: level(said(t)), 10)
    assert abs(full[50:].mean() - half[50:].mean()) < 0.1


def test_faces_come_and_go() -> None:
    detector = SpeakingDetector()
    lips = (mouth(0.0), True)
    assert set(detector.update(0.0, {1: lips}, {1: -60.0}, -50.0)) == {1}
    assert set(detector.update(0.04, {2: lips}, {1: -60.0, 2: -60.0}, -50.0)) == {1, 2}
    assert set(detector.update(0.08, {2: lips}, {2: -60.0}, -50.0)) == {2}
    assert detector.update(0.12, {}, {}, -50.0) == {}
    assert len(detector._faces) == 0


def test_noise_floor_follows_the_quietest_moment() -> None:
    noise = NoiseFloor()
    for _ in range(20):
        noise.step(-48.0)
    for _ in range(100):
        now, floor = noise.step(-20.0)
    assert now == pytest.approx(-20.0, abs=1e-6) and floor == pytest.approx(-48.0, abs=1e-6)
    assert NoiseFloor().step(-100.0)[1] == -75.0


@pytest.mark.parametrize("lead", [-0.06, 0.0, 0.07, 0.16])
def test_lead_is_found(lead: float) -> None:
    said, estimator = syllables(9), OffsetEstimator()
    for i in range(300):
        t = i * STEP
        estimator.update(t, {1: (mouth(said(t + lead)), True)}, {1: level(said(t))})
    found = estimator.lead(1)
    assert found is not None and abs(found - lead) < 0.02


def test_lead_is_found_through_gaps_and_tremble() -> None:
    said, rng, estimator = syllables(10), np.random.default_rng(1), OffsetEstimator()
    for i in range(400):
        t = i * STEP
        visible = not 4 < t < 6
        lips = mouth(said(t + 0.08)) + rng.normal(0, 0.1, 4).astype(np.float32)
        estimator.update(t, {1: (lips if visible else lips * np.float32(np.nan), visible)}, {1: level(said(t))})
    found = estimator.lead(1)
    assert found is not None and abs(found - 0.08) < 0.03


def test_nothing_is_said_too_early_or_without_speech() -> None:
    said, estimator = syllables(11), OffsetEstimator()
    for i in range(90):
        t = i * STEP
        estimator.update(t, {1: (mouth(said(t)), True)}, {1: level(said(t))})
        assert estimator.lead(1) is None
    still, rng = OffsetEstimator(), np.random.default_rng(2)
    for i in range(300):
        t = i * STEP
        noise = rng.normal(0, 0.05, 4).astype(np.float32)
        still.update(t, {1: (mouth(0.0) + noise, True), 2: (mouth(said(t)), False)}, {1: -60.0, 2: -60.0})
    assert still.lead(1) is None and still.lead(2) is None and still.lead(3) is None


def test_somebody_elses_voice_gives_no_steady_lead() -> None:
    found = 0
    for seed in range(6):
        lips, sound, estimator = syllables(20 + seed), syllables(40 + seed), OffsetEstimator()
        for i in range(300):
            t = i * STEP
            estimator.update(t, {1: (mouth(lips(t)), True)}, {1: level(sound(t))})
        found += estimator.lead(1) is not None
    assert found <= 3
