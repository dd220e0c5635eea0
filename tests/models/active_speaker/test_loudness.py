"""How loud the sound is, between the quietest and the loudest moment around."""

from __future__ import annotations

import numpy as np
import pytest

from models.active_speaker.loudness import HEARD, LOUDEST, PAST, Loudness, LoudnessMeter, LoudnessTrack, levels_of


def test_a_stream_is_measured_against_what_was_heard() -> None:
    meter = LoudnessMeter()
    for level in [-48.0] * 20 + [-20.0] * 20 + [-30.0] * HEARD:
        found = meter.step(level)
    assert (found.now, found.quietest, found.loudest) == pytest.approx((-30.0, -48.0, -20.0))
    assert (found.above, found.below) == pytest.approx((18.0, -10.0))
    for _ in range(PAST):
        found = meter.step(-30.0)
    assert (found.quietest, found.loudest) == pytest.approx((-30.0, -30.0))


@pytest.mark.parametrize("level", [-300.0, -np.inf, -100.0])
def test_digital_silence_is_no_noise_and_not_loud(level: float) -> None:
    found = LoudnessMeter().step(level)
    assert found == Loudness(pytest.approx(-100.0), -75.0, LOUDEST)


def test_a_voice_that_never_pauses_is_no_noise() -> None:
    assert LoudnessMeter().step(-10.0).quietest == -30.0


def test_a_recording_is_measured_against_what_comes_too() -> None:
    levels = np.array([-60.0] * 50 + [-20.0] * 50)
    track = LoudnessTrack(1.0, levels)
    assert (track.at(1.01).now, track.at(1.01).loudest) == pytest.approx((-60.0, -20.0))
    # Two on either side count, half of those five when the voice has just begun: -60, -60, -20, -20, -20.
    assert track.at(3.01).now == pytest.approx(-36.0)
    assert track.at(-5.0) == track.at(1.0) and track.at(99.0).now == pytest.approx(-20.0)
    far = LoudnessTrack(0.0, np.array([-20.0] * 10 + [-60.0] * 300))
    assert far.at(11.9).loudest == LOUDEST
    assert LoudnessTrack(0.0, np.zeros(0)).at(0.0) == Loudness()


def test_levels_are_of_whole_40_ms() -> None:
    pcm = np.concatenate([np.full(640, 0.1), np.zeros(640), np.ones(100)]).astype(np.float32)
    assert levels_of(pcm) == pytest.approx([-20.0, -100.0], abs=1e-4)
