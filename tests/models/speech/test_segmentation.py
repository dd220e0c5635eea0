from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from models.speech.segmentation import FIELD, SETS, STEP, WINDOW, load_segmentation
from models.speech.segmentation_runtime import LEAST, Segmenter, Segments

ASSETS = Path(moonshine_voice.__file__).parent / "assets"


@pytest.fixture(scope="module")
def segmenter():
    return Segmenter()


def recording(name, start, stop):
    pcm, rate = soundfile.read(ASSETS / name, dtype="float32")
    return resample_poly(pcm[start * rate : stop * rate], 16_000, rate).astype(np.float32)


@pytest.fixture(scope="module")
def window():
    """Ten seconds: one man for nine, another one from the fifth on."""
    pcm = np.zeros(WINDOW, np.float32)
    one, other = recording("beckett.wav", 0, 9), recording("endgame_nagg_nell.wav", 1, 6)
    pcm[: len(one)] += one
    pcm[80_000:] += other
    return pcm


def test_it_equals_the_original_checkpoint(segmenter, window):
    # What the float32 checkpoint gives for every 49th frame.
    speech = [0.4172, 0.9979, 0.2328, 0.9990, 0.2286, 0.4902, 0.9949, 0.5877, 0.9905, 0.1385, 0.9972, 0.9983, 0.9975]
    overlap = [0.0038, 0.0008, 0.0002, 0.0002, 0.0002, 0.0004, 0.0005, 0.0159, 0.0491, 0.0033, 0.0395, 0.0234, 0.0162]
    got = segmenter.segment(window)
    assert got.sets.shape == (589, 7)
    np.testing.assert_allclose(got.speech[::49], speech, atol=0.01)
    np.testing.assert_allclose(got.overlap[::49], overlap, atol=0.01)


@pytest.mark.parametrize("samples", [LEAST, 40_000, WINDOW])
def test_onnx_equals_torch(segmenter, window, samples):
    pcm = window[-samples:]
    with torch.inference_mode():
        expected = load_segmentation()(torch.from_numpy(pcm)[None])[0].numpy()
    got = segmenter.segment(pcm).sets
    assert got.shape == (1 + (samples - FIELD) // STEP, len(SETS))
    np.testing.assert_allclose(got, expected, atol=1e-4)


def test_two_at_once_are_overlap_and_one_is_not(segmenter):
    one, other = recording("beckett.wav", 1, 9), recording("endgame_nagg_nell.wav", 1, 9)
    other[: len(other) // 2] = 0
    other *= np.float32(np.sqrt(np.mean(one**2) / np.mean(other[len(other) // 2 :] ** 2)))
    overlap = segmenter.segment(one + other).overlap
    first, second = np.split(overlap[:-1] if len(overlap) % 2 else overlap, 2)
    assert first.mean() < 0.05
    assert second.mean() > 5 * first.mean() and second.max() > 0.5


def test_half_the_level_changes_little(segmenter, window):
    loud, quiet = segmenter.segment(window), segmenter.segment(np.float32(0.5) * window)
    np.testing.assert_allclose(loud.speech, quiet.speech, atol=0.02)


def test_probabilities_of_sets_become_those_of_people():
    got = Segments(np.eye(7, dtype=np.float32))
    assert got.speech.tolist() == [0, 1, 1, 1, 1, 1, 1]
    assert got.overlap.tolist() == [0, 0, 0, 0, 1, 1, 1]
    for row, people in zip(got.talkers, SETS, strict=True):
        assert np.nonzero(row)[0].tolist() == list(people)


def test_windows_of_other_lengths_are_refused(segmenter):
    for samples in (LEAST - 1, WINDOW + 1):
        with pytest.raises(ValueError, match=f"window of {samples} samples"):
            segmenter.segment(np.zeros(samples, np.float32))


def test_silence_is_no_speech(segmenter):
    assert segmenter.segment(np.zeros(WINDOW, np.float32)).speech.max() < 0.5
