from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
from scipy.signal import resample_poly

from models.speech2face.drawn import Unusable
from models.speech2face.solo import Solo

ASSETS = Path(moonshine_voice.__file__).parent / "assets"


@pytest.fixture(scope="module")
def solo():
    return Solo()


def recording(name, seconds, start=1.0):
    """A stretch of a recording at 16 kHz."""
    pcm, rate = soundfile.read(ASSETS / name, dtype="float32")
    return resample_poly(pcm[round(start * rate) : round((start + seconds) * rate)], 16_000, rate).astype(np.float32)


def test_the_speech_of_one_person_is_kept_without_its_pauses(solo):
    said = recording("beckett.wav", 5.0)
    heard = solo.speech(np.concatenate([said, np.zeros(48_000, np.float32)]))
    assert 0.6 * len(said) < len(heard) < len(said) + 16_000


def test_one_person_in_two_windows_is_one_voice(solo):
    assert len(solo.speech(recording("two_cities.wav", 16.0))) > 8 * 16_000


@pytest.mark.parametrize("seconds", [0.0, 0.05, 1.9])
def test_what_is_too_short_is_refused(solo, seconds):
    with pytest.raises(Unusable, match="too short"):
        solo.speech(recording("beckett.wav", 2.0)[: round(seconds * 16_000)])


def test_a_word_in_a_long_silence_is_too_little_speech(solo):
    pcm = np.concatenate([recording("beckett.wav", 0.8), np.zeros(100_000, np.float32)])
    with pytest.raises(Unusable, match="too little speech"):
        solo.speech(pcm)


def test_silence_is_refused(solo):
    with pytest.raises(Unusable, match="silent"):
        solo.speech(np.full(80_000, 1e-5, np.float32))


def test_noise_is_no_speech(solo):
    noise = 0.1 * np.random.default_rng(0).standard_normal(80_000).astype(np.float32)
    with pytest.raises(Unusable, match="too little speech"):
        solo.speech(noise)


def test_two_voices_one_after_the_other_are_refused(solo):
    pcm = np.concatenate([recording("beckett.wav", 4.0), recording("clone-test.wav", 4.0)])
    with pytest.raises(Unusable, match="two voices"):
        solo.speech(pcm)


def test_two_voices_at_once_are_refused(solo):
    one, other = recording("beckett.wav", 6.0), recording("clone-test.wav", 6.0)
    size = min(len(one), len(other))
    one, other = (x[:size] / np.sqrt(np.mean(x[:size] ** 2)) * np.float32(0.05) for x in (one, other))
    with pytest.raises(Unusable, match="two voices"):
        solo.speech(one + other)
