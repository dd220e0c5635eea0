"""A participant's sound with and without its noise: in time, and without a click."""

from __future__ import annotations

import numpy as np
import pytest

from models.common.arrays import F32
from models.common.resample import Resampler
from streamer.mixing.noise_switch import BEHIND, NoiseSwitch

T16 = np.arange(100 * 320) / 16_000
TONE: F32 = (0.3 * np.sin(2 * np.pi * 300 * T16)).astype(np.float32)


def late(pcm: F32, samples: int) -> F32:
    return np.concatenate([np.zeros(samples, np.float32), pcm])[: pcm.size]


def upsampled(pcm: F32) -> F32:
    return Resampler(16_000, 48_000).step(pcm)


def run(on_at: int, off_at: int, missing: range = range(0), behind: int = BEHIND) -> tuple[F32, F32, list[float]]:
    """What is heard of a tone, the voice of face 1 (which is all of it), and how late both are."""
    switch, mixes, voices, lates = NoiseSwitch(), [], [], []
    mix, clean = upsampled(TONE), late(TONE, behind)
    for i in range(100):
        switch.on = on_at <= i < off_at
        here = clean[i * 320 : (i + 1) * 320] if switch.on and i not in missing else None
        face = {1: TONE[i * 320 : (i + 1) * 320]}
        heard, faces, lateness = switch.step(mix[i * 960 : (i + 1) * 960], face, here)
        mixes.append(heard)
        voices.append(faces[1])
        lates.append(lateness)
    return np.concatenate(mixes), np.concatenate(voices), lates


def test_off_it_passes_everything_untouched() -> None:
    mix, voices, lates = run(100, 100)
    assert np.array_equal(mix, upsampled(TONE)) and np.array_equal(voices, TONE) and set(lates) == {0.0}


def test_on_sound_and_voices_are_late_alike() -> None:
    mix, voices, lates = run(10, 100)
    np.testing.assert_allclose(mix[12 * 960 :], upsampled(late(TONE, BEHIND))[12 * 960 :], atol=1e-5)
    assert np.array_equal(voices[11 * 320 :], late(TONE, BEHIND)[11 * 320 :])
    assert lates[9:12] == pytest.approx([0.0, 0.0065, 0.013])


@pytest.mark.parametrize("missing", [range(0), range(50, 51), range(50, 60)])
def test_no_step_of_the_sound_is_larger_than_the_tone_s_own(missing: range) -> None:
    mix, voices, _ = run(20, 80, missing)
    for sound, rate in ((mix, 48_000), (voices, 16_000)):
        own = 0.3 * 2 * np.pi * 300 / rate
        assert np.abs(np.diff(sound)).max() < 1.6 * own


def test_where_nothing_clean_comes_in_time_the_sound_as_it_came_stands_in_just_as_late() -> None:
    mix, _, lates = run(10, 100, range(40, 50))
    np.testing.assert_allclose(mix[41 * 960 : 50 * 960], upsampled(late(TONE, BEHIND))[41 * 960 : 50 * 960], atol=1e-5)
    assert lates[39:52] == pytest.approx([0.013] * 13)


def test_until_anything_clean_comes_nothing_changes() -> None:
    mix, _, lates = run(10, 100, range(10, 30))
    assert np.array_equal(mix[: 30 * 960], upsampled(TONE)[: 30 * 960]) and set(lates[:30]) == {0.0}


def test_a_face_that_goes_is_heard_to_its_end() -> None:
    switch, block = NoiseSwitch(), np.ones(320, np.float32)
    switch.on = True
    for _ in range(3):
        switch.step(np.zeros(960, np.float32), {1: block}, block)
    _, faces, _ = switch.step(np.zeros(960, np.float32), {}, block)
    assert faces[1].sum() == BEHIND
    assert switch.step(np.zeros(960, np.float32), {}, block)[1] == {}
