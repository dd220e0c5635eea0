import numpy as np
import pytest
import torch
import torchaudio

from models.common.fbank import BANDS, fbank


@pytest.mark.parametrize("samples", [400, 559, 560, 32_000, 33_333])
def test_it_equals_kaldi(samples):
    rng = np.random.default_rng(0)
    pcm = (rng.standard_normal(samples).cumsum() * 0.01 + 0.05).astype(np.float32)
    expected = torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(pcm)[None], num_mel_bins=BANDS, sample_frequency=16_000, dither=0.0
    )
    got = fbank(pcm)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected.numpy(), atol=1e-3)


def test_silence_is_the_floor_and_less_than_a_frame_is_nothing():
    np.testing.assert_allclose(fbank(np.zeros(400, np.float32)), np.full((1, BANDS), np.log(2.0**-23)), rtol=1e-6)
    assert fbank(np.zeros(399, np.float32)).shape == (0, BANDS)
