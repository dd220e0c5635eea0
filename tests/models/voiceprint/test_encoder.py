import numpy as np
import pytest
import torch

from models.voiceprint.encoder import PRINT, VoiceEncoder, load_voice_encoder


@pytest.fixture(scope="module")
def net() -> VoiceEncoder:
    return load_voice_encoder()


def mel_by_hand(pcm: np.ndarray, k: int) -> np.ndarray:
    """Frame k in float64: Hann window of 400, 40 triangles of area 1 on Slaney's mel scale (linear below 1 kHz)."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    power = np.abs(np.fft.rfft(np.pad(pcm, 200)[k * 160 : k * 160 + 400] * window)) ** 2
    top = 15 + 27 * np.log(8) / np.log(6.4)
    mels = np.linspace(0, top, 42)
    edges = np.where(mels < 15, mels * 200 / 3, 1000 * 6.4 ** ((mels - 15) / 27))
    hertz = np.linspace(0, 8000, 201)
    out = []
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        triangle = np.minimum((hertz - low) / (middle - low), (high - hertz) / (high - middle)).clip(0)
        out.append(triangle @ power * 2 / (high - low))
    return np.array(out)


def test_mel_energies_are_those_of_the_definition(net: VoiceEncoder) -> None:
    pcm = np.random.default_rng(0).normal(0, 0.1, 4_000)
    mel = net.mel(torch.from_numpy(pcm).float()[None])[0].numpy()
    assert mel.shape == (26, 40)
    for k in (0, 7, 25):
        np.testing.assert_allclose(mel[k], mel_by_hand(pcm, k), rtol=1e-3, atol=1e-7)


def test_prints_do_not_depend_on_level_and_have_length_eight(net: VoiceEncoder) -> None:
    torch.manual_seed(0)
    pcm = torch.randn(2, 24_000) * torch.linspace(0, 0.1, 24_000)
    loud, quiet = net.enrol(pcm * 3), net.enrol(pcm)
    assert loud.shape == (2, PRINT) and float(loud.min()) >= 0
    torch.testing.assert_close(loud.norm(dim=1), torch.full((2,), 8.0))
    assert torch.nn.functional.cosine_similarity(loud, quiet).min() > 0.999


def test_a_long_snippet_is_the_mean_of_its_windows(net: VoiceEncoder) -> None:
    torch.manual_seed(0)
    pcm = torch.randn(1, 40_000) * 0.1  # 251 frames: windows at 0, 46 and 91
    pcm = pcm / pcm.pow(2).mean().sqrt() * 10 ** (-30 / 20)
    mel = net.mel(pcm)
    windows = torch.cat([net(mel[:, at : at + 160]) for at in (0, 46, 91)])
    expected = torch.nn.functional.normalize(windows.mean(0), dim=0) * 8
    torch.testing.assert_close(net.enrol(pcm)[0], expected, atol=2e-3, rtol=0)
    short = pcm[:, :16_000]
    torch.testing.assert_close(net.enrol(short)[0], net.enrol(short.repeat(1, 1) * 2)[0], atol=1e-3, rtol=0)


def test_pauses_do_not_count(net: VoiceEncoder) -> None:
    torch.manual_seed(0)
    speech = torch.randn(1, 25_440) * 0.1
    print_ = net.enrol(torch.nn.functional.pad(speech, (0, 64_000)))
    assert torch.nn.functional.cosine_similarity(print_, net.enrol(speech)).item() > 0.9
