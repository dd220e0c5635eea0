"""By how much the lips are ahead, on made-up syllables."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from models.active_speaker.av_offset import OffsetEstimator

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
