from pathlib import Path

import moonshine_voice
import numpy as np
import pytest
import soundfile
import torch
from scipy.signal import resample_poly

from models.common.fbank import fbank
from models.voiceprint.campplus import load_campplus, segments
from models.voiceprint.campplus_runtime import LEAST, LEVEL, SpeakerEncoder

ASSETS = Path(moonshine_voice.__file__).parent / "assets"


@pytest.fixture(scope="module")
def encoder():
    return SpeakerEncoder()


def recording(name, seconds, start=1.0):
    """A stretch of a recording at 16 kHz."""
    pcm, rate = soundfile.read(ASSETS / name, dtype="float32")
    return resample_poly(pcm[round(start * rate) : round((start + seconds) * rate)], 16_000, rate).astype(np.float32)


def test_it_equals_the_original_checkpoint(encoder):
    # Every sixteenth number that the unfolded float32 checkpoint gives, made of torchaudio's fbank.
    original = [-0.0374, -0.0556, -0.1488, -0.1081, 0.0264, -0.0139, 0.0467, -0.0277, -0.0557, -0.1277, 0.0464, -0.0311]
    got = encoder.embed(recording("beckett.wav", 2.0))
    assert got.shape == (192,) and got.dtype == np.float32
    np.testing.assert_allclose(got[::16], original, atol=1e-3)


@pytest.mark.parametrize("samples", [LEAST, 16_001, 70_000])
def test_onnx_equals_torch(encoder, samples):
    pcm = np.random.default_rng(samples).standard_normal(samples).astype(np.float32)
    pcm *= np.float32(LEVEL / np.sqrt(np.mean(pcm**2)))
    features = fbank(pcm)
    with torch.inference_mode():
        expected = load_campplus()(torch.from_numpy(features - features.mean(0))[None])
    expected = torch.nn.functional.normalize(expected, dim=1)[0].numpy()
    np.testing.assert_allclose(encoder.embed(pcm), expected, atol=1e-4)


def test_two_recordings_of_a_voice_are_alike_and_another_is_not(encoder):
    one, again, other = encoder.embed_all([recording(f"{n}.wav", 4.0) for n in ("beckett", "two_cities", "clone-test")])
    assert one @ again > 0.5
    assert abs(one @ other) < 0.25 and abs(again @ other) < 0.25


def test_level_and_sign_do_not_matter(encoder):
    pcm = recording("beckett.wav", 2.0)
    assert encoder.embed(pcm) @ encoder.embed(np.float32(-0.003) * pcm) > 0.9999


def test_several_are_embedded_as_one_by_one(encoder):
    pcm = recording("beckett.wav", 2.0)
    stretches = [pcm, pcm[:20_000]]
    np.testing.assert_array_equal(encoder.embed_all(stretches), [encoder.embed(s) for s in stretches])
    assert encoder.embed_all([]).shape == (0, 192)


def test_too_little_is_refused_and_silence_is_not_a_fault(encoder):
    with pytest.raises(ValueError, match="1839 samples are too few"):
        encoder.embed(np.zeros(LEAST - 1, np.float32))
    np.testing.assert_allclose(np.linalg.norm(encoder.embed(np.zeros(LEAST, np.float32))), 1, rtol=1e-5)


def test_a_frames_context_is_the_mean_of_all_and_of_its_two_seconds():
    x = torch.randn(150, generator=torch.Generator().manual_seed(0))
    means, spread = segments(150)
    expected = torch.cat([x[:100].mean().expand(100), x[100:].mean().expand(50)]) + x.mean()
    torch.testing.assert_close(x @ means @ spread, expected)
