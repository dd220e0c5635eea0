import numpy as np
import pytest
import torch

from models.portrait.log_mel import BANDS, FLOOR, PRIOR, USUAL, LogMel, loudness, mel_filters
from models.train.portrait.augment import levelled, warped


def test_each_filter_is_a_triangle_and_neighbours_add_up_to_one():
    filters = mel_filters()
    assert filters.shape == (257, BANDS) and filters.min() == 0
    # Between the highest points of the first and the last, the two that overlap share a frequency between them.
    peaks = filters.argmax(axis=0)
    np.testing.assert_allclose(filters[peaks[8] : peaks[-1]].sum(axis=1), 1, atol=1e-5)


def test_sound_may_come_in_any_pieces(speech):
    ear = LogMel()
    whole = ear.bands(speech, ear.begin())
    assert whole.shape == (300, BANDS)
    heard, parts, at = ear.begin(), [], 0
    for size in (1, 159, 160, 161, 5_000, 42_519):
        parts.append(ear.bands(speech[at : at + size], heard))
        at += size
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-4)


def test_silence_is_the_floor():
    ear = LogMel()
    np.testing.assert_allclose(ear.bands(np.zeros(1_600, np.float32), ear.begin()), np.log(FLOOR), atol=1e-4)


def test_the_mean_is_that_of_the_formula():
    ear, bands = LogMel(), np.random.default_rng(0).normal(0, 1, (3, BANDS)).astype(np.float32)
    heard, w = ear.begin(), loudness(bands).astype(np.float64)
    got = ear.level(bands, heard)
    keep = 0.999
    first = (keep * USUAL * PRIOR + w[0] * bands[0]) / (keep * PRIOR + w[0])
    np.testing.assert_allclose(got[0], bands[0] - first, atol=1e-5)


def test_a_gain_is_forgotten_while_there_is_speech(speech):
    ear = LogMel()
    soft, loud = (ear.level(ear.bands(gain * speech, ear.begin()), ear.begin()) for gain in (1.0, 4.0))
    off = np.abs(soft - loud).mean(axis=1)
    # Before, the voice is taken for one of usual loudness: there it is ln 16.
    assert off[:5].max() == pytest.approx(np.log(16), abs=0.2)
    assert off[280:].mean() < 0.3 * off[:5].mean()


def test_training_takes_the_level_away_as_the_call_does(speech):
    torch.manual_seed(0)
    ear = LogMel()
    bands = ear.bands(speech, ear.begin())
    live = ear.level(bands, ear.begin())
    drawn = [levelled(torch.from_numpy(bands)[None])[0].numpy() for _ in range(8)]
    # Of one that is not known beforehand; a call forgets over ten seconds, training does not.
    assert min(float(np.abs(one - live).max()) for one in drawn) < 0.25


def test_warping_moves_formants_and_nothing_else():
    torch.manual_seed(1)
    flat = torch.full((4, 2, BANDS), -3.0)
    np.testing.assert_allclose(warped(flat), flat)
    peak = torch.zeros(64, 1, BANDS)
    peak[:, :, 20] = 1
    moved = warped(peak).argmax(2)
    assert 17 <= moved.min() < 20 < moved.max() <= 23
