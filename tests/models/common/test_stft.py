import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from models.common import streaming
from models.common.stft import STFT, InverseSTFT

WINDOWS = {"hamming": torch.hamming_window, "hann": torch.hann_window, "rectangular": torch.ones}


def noise(*size, seed=0):
    return torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def whole_stft(x, win, hop, n_fft, window):
    """torch.stft of the whole signal on the frame grid of `STFT`."""
    pad = (n_fft - win) // 2
    x = F.pad(x[:, : x.shape[1] // hop * hop], (win - hop + pad, n_fft - win - pad))
    return torch.stft(x, n_fft, hop, win, WINDOWS[window](win), center=False, return_complex=True)


def in_chunks(stage, x, sizes):
    """Steps over x along its last axis in chunks of these sizes, then what is left."""
    state, parts, at = stage.init_state(len(x)), [], 0
    for size in [*sizes, x.shape[-1]]:
        part, state = stage.step(x[..., at : at + size], state)
        parts.append(part)
        at += size
    return torch.cat(parts, dim=-1)


@given(sizes=st.lists(st.integers(0, 900), max_size=12), length=st.integers(0, 4000), batch=st.integers(1, 3))
@settings(max_examples=60)
def test_chunked_equals_torch_stft(sizes, length, batch):
    assume(length >= 160)
    x = noise(batch, length)
    X = in_chunks(STFT(), x, sizes)
    assert X.shape == (batch, 257, length // 160) and X.dtype == torch.complex64
    torch.testing.assert_close(X, whole_stft(x, 400, 160, 512, "hamming"), atol=1e-5, rtol=0)


def test_frame_grid_is_torchs_centred_grid_forty_samples_later():
    # torch.stft(center=True) centres frames on multiples of the hop; ours are centred 40 samples earlier.
    x = noise(1, 3200)
    X = torch.stft(
        F.pad(x, (40, 0)), 512, 160, 400, torch.hamming_window(400), pad_mode="constant", return_complex=True
    )
    torch.testing.assert_close(STFT()(x)[..., :19], X[..., :19], atol=1e-5, rtol=0)


@given(
    sizes=st.lists(st.integers(0, 700), max_size=10),
    frames=st.lists(st.integers(0, 5), max_size=10),
    length=st.integers(0, 4000),
)
@settings(max_examples=60)
def test_inverse_gives_the_signal_back_after_a_constant_delay(sizes, frames, length):
    x = noise(2, length)
    y = in_chunks(InverseSTFT(), in_chunks(STFT(), x, sizes), frames)
    assert InverseSTFT().delay == 240
    assert y.shape == (2, length // 160 * 160)
    expected = F.pad(x, (240, 0))[:, : y.shape[1]]
    torch.testing.assert_close(y, expected, atol=1e-5, rtol=0)


@given(frames=st.lists(st.integers(0, 6), max_size=8), count=st.integers(5, 24))
@settings(max_examples=40)
def test_chunked_inverse_equals_torch_istft_of_any_spectrum(frames, count):
    X = torch.complex(noise(2, 257, count), noise(2, 257, count, seed=1))
    X.imag[:, [0, -1]] = 0
    y = in_chunks(InverseSTFT(), X, frames)
    # torch.istft cuts off 256 samples, of which the first 56 are before the first window: its sample 0 is our
    # sample 200. At the start it divides by the windows of only the frames it has, so the first 400 are left out.
    expected = torch.istft(X, 512, 160, 400, torch.hamming_window(400), center=True)
    torch.testing.assert_close(y[:, 400:], expected[:, 200 : count * 160 - 200], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("win", "hop", "n_fft", "window"),
    [
        (400, 160, 512, "hann"),
        (512, 128, 512, "hamming"),
        (320, 160, 321, "hann"),
        (400, 400, 400, "rectangular"),
        (401, 100, 512, "hann"),
        (25, 7, 64, "hamming"),
        (8, 1, 8, "hann"),
    ],
)
def test_other_windows(win, hop, n_fft, window):
    x = noise(2, 5 * win + 3)
    forward, inverse = (kind(win, hop, n_fft, window) for kind in (STFT, InverseSTFT))
    X = in_chunks(forward, x, [1, win, 3])
    torch.testing.assert_close(X, whole_stft(x, win, hop, n_fft, window), atol=1e-4, rtol=0)
    y = in_chunks(inverse, X, [1, 2])
    torch.testing.assert_close(y, F.pad(x, (win - hop, 0))[:, : y.shape[1]], atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((400, 401, 512, "hamming"), "1 samples of every hop would be in no frame"),
        ((400, 0, 512, "hamming"), "at least 1"),
        ((400, 160, 399, "hamming"), "shorter than the window"),
        ((400, 400, 512, "hann"), "cannot be inverted.*sample 0 of each hop"),
        ((400, 398, 512, "hann"), "cannot be inverted"),
        ((400, 160, 512, "kaiser"), "unknown window"),
    ],
)
@pytest.mark.parametrize("kind", [STFT, InverseSTFT])
def test_pairs_without_an_inverse_are_refused_with_a_reason(kind, arguments, reason):
    with pytest.raises(ValueError, match=reason):
        kind(*arguments)


@given(win=st.integers(2, 300), hop=st.integers(1, 320), window=st.sampled_from(sorted(WINDOWS)))
@settings(max_examples=80)
def test_every_accepted_pair_reconstructs(win, hop, window):
    try:
        forward, inverse = STFT(win, hop, 320, window), InverseSTFT(win, hop, 320, window)
    except ValueError:
        return
    x = noise(1, 1200)
    y = inverse(forward(x))
    np.testing.assert_allclose(y, F.pad(x, (win - hop, 0))[:, : y.shape[1]], atol=2e-4)


def test_rows_can_be_taken_out_paused_and_put_back():
    stft, inverse = STFT(), InverseSTFT()
    x = noise(3, 1600)
    state, pick = stft.init_state(3), torch.tensor([2, 0])
    back = inverse.init_state(3)
    out = torch.zeros(3, 1600)
    for k in range(5):
        at = slice(320 * k, 320 * (k + 1))
        X, part = stft.step(x[pick, at], streaming.take_rows(state, pick))
        streaming.put_rows(state, pick, part)
        out[pick, at], part_back = inverse.step(X, streaming.take_rows(back, pick))
        streaming.put_rows(back, pick, part_back)
    torch.testing.assert_close(out[pick, 240:], x[pick, :-240], atol=1e-5, rtol=0)
    assert state.pending[1].abs().max() == 0 and out[1].abs().max() == 0
    streaming.reset_rows(state, torch.tensor([0]))
    assert state.pending[0].abs().max() == 0 and state.pending[2].abs().max() > 0
