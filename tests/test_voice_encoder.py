import torch

from models.voice_encoder import VoiceEncoder, mel_filters


def test_mel_filters_are_triangles_that_add_up_to_one_between_the_edges():
    filters = mel_filters(257, 64, 50, 7600, 16_000)
    assert filters.shape == (257, 64) and filters.min() == 0 and filters.max() <= 1
    hertz = torch.linspace(0, 8000, 257)
    inside = (hertz > 80) & (hertz < 7200)
    torch.testing.assert_close(filters.sum(1)[inside], torch.ones(int(inside.sum())), atol=1e-5, rtol=0)
    assert filters[(hertz < 50) | (hertz > 7600)].abs().max() == 0
    peaks = filters.argmax(0)[20:]
    assert (peaks.diff() >= 1).all()


def test_prints_do_not_depend_on_level_and_have_length_eight():
    torch.manual_seed(0)
    net = VoiceEncoder().eval().requires_grad_(False)
    pcm = torch.randn(2, 24_000) * torch.linspace(0, 0.1, 24_000)
    loud, quiet = net.enrol(pcm * 3), net.enrol(pcm)
    torch.testing.assert_close(loud.norm(dim=1), torch.full((2,), 8.0))
    cosine = torch.nn.functional.cosine_similarity(loud, quiet)
    assert cosine.min() > 0.99
    assert net.log_mel(pcm).shape == (2, 151, 64)
