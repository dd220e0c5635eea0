"""Incremental short-time Fourier transform and its inverse.

Frame k covers the `win_length` samples that end with sample (k+1)*hop_length - 1: it exists as soon as its
last hop has arrived, and samples before the first are zeros. The window is centred in the `n_fft` points,
so phases are those of `torch.stft`: for x (N,) with N a multiple of the hop, pad = (n_fft - win_length)//2
and left = win_length - hop_length,

    torch.stft(F.pad(x, (left + pad, n_fft - win_length - pad)), …, center=False)

is the same array. The inverse is weighted overlap-add, y = sum_k w*frame_k / sum_k w^2 (Griffin and Lim
1984, eq. 6), as in `torch.istft`; the denominator repeats every hop.
"""

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WindowName = Literal["hamming", "hann", "rectangular"]
_WEAKEST = 1e-4
"""Least ratio of the weakest to the strongest sample in sum w^2: below it rounding errors grow 10,000-fold."""


@dataclass
class STFTState:
    """Samples that future frames still need: pending (B, P), win_length - hop_length <= P < win_length."""

    pending: Tensor


@dataclass
class InverseSTFTState:
    """Sums that still lack later frames: overlap (B, (ceil(win_length / hop_length) - 1) * hop_length)."""

    overlap: Tensor


class _Framing(nn.Module):
    """What forward and inverse share: the window and the check that the pair can be undone."""

    def __init__(
        self, win_length: int = 400, hop_length: int = 160, n_fft: int = 512, window: WindowName = "hamming"
    ) -> None:
        super().__init__()
        if hop_length < 1:
            raise ValueError(f"hop_length must be at least 1 sample, not {hop_length}")
        if hop_length > win_length:
            raise ValueError(
                f"hop_length {hop_length} is longer than the window of {win_length} samples: "
                f"{hop_length - win_length} samples of every hop would be in no frame"
            )
        if n_fft < win_length:
            raise ValueError(f"n_fft {n_fft} is shorter than the window of {win_length} samples")
        self.win_length, self.hop_length, self.n_fft = win_length, hop_length, n_fft
        self.pad = (n_fft - win_length) // 2
        self.hops = -(-win_length // hop_length)
        w = _window(window, win_length)
        squares = F.pad(w.double() ** 2, (0, self.hops * hop_length - win_length))
        envelope = squares.view(self.hops, hop_length).sum(0)
        ratio = float(envelope.min() / envelope.max())
        if ratio < _WEAKEST:
            raise ValueError(
                f"a {window} window of {win_length} samples at a hop of {hop_length} cannot be inverted: "
                f"the squared windows add up to almost nothing ({ratio:.1e} of their peak) at sample "
                f"{int(envelope.argmin())} of each hop; use a shorter hop or another window"
            )
        self.window: Tensor
        self.envelope: Tensor
        self.register_buffer("window", w, persistent=False)
        self.register_buffer("envelope", envelope.float(), persistent=False)

    @property
    def delay(self) -> int:
        """Samples by which inverse(forward(x)) lags x."""
        return self.win_length - self.hop_length


def _window(name: str, length: int) -> Tensor:
    """Return the periodic window (length,)."""
    match name:
        case "hamming":
            return torch.hamming_window(length)
        case "hann":
            return torch.hann_window(length)
        case "rectangular":
            return torch.ones(length)
    raise ValueError(f"unknown window {name!r}: use hamming, hann or rectangular")


class STFT(_Framing):
    """Incremental forward transform; any chunk length, batch of signals in step with each other.

    Args:
        win_length: window, samples.
        hop_length: samples between frames.
        n_fft: points of the transform, >= win_length.
        window: "hamming" or "hann" (periodic), or "rectangular".

    Raises:
        ValueError: if no inverse exists for this window and hop, with the reason.
    """

    def init_state(self, batch: int, device: torch.device | str | None = None) -> STFTState:
        """Return the state before the first sample of `batch` signals."""
        return STFTState(torch.zeros(batch, self.delay, device=device))

    def step(self, x: Tensor, state: STFTState) -> tuple[Tensor, STFTState]:
        """Return frames completed by a chunk.

        Args:
            x: (B, N) float32, any N >= 0.
            state: as `init_state` or the last `step` gave it.

        Returns:
            X (B, n_fft//2+1, T) complex64, T >= 0, and the state after the chunk.
        """
        signal = torch.cat([state.pending, x], dim=1)
        count = (signal.shape[1] - self.delay) // self.hop_length
        if count == 0:
            empty = torch.zeros(len(x), self.n_fft // 2 + 1, 0, dtype=torch.complex64, device=x.device)
            return empty, STFTState(signal)
        frames = signal.unfold(1, self.win_length, self.hop_length) * self.window
        frames = F.pad(frames, (self.pad, self.n_fft - self.win_length - self.pad))
        return torch.fft.rfft(frames).transpose(1, 2), STFTState(signal[:, count * self.hop_length :])

    def forward(self, x: Tensor) -> Tensor:
        """Return all frames of whole signals: x (B, N) -> X (B, n_fft//2+1, N // hop_length)."""
        return self.step(x, self.init_state(len(x), x.device))[0]


class InverseSTFT(_Framing):
    """Incremental inverse; arguments and errors as `STFT`. Its output lags the signal by `delay` samples."""

    def init_state(self, batch: int, device: torch.device | str | None = None) -> InverseSTFTState:
        """Return the state before the first frame of `batch` signals."""
        return InverseSTFTState(torch.zeros(batch, (self.hops - 1) * self.hop_length, device=device))

    def step(self, X: Tensor, state: InverseSTFTState) -> tuple[Tensor, InverseSTFTState]:
        """Return samples completed by new frames.

        Args:
            X: (B, n_fft//2+1, T) complex64, any T >= 0.
            state: as `init_state` or the last `step` gave it.

        Returns:
            y (B, T * hop_length) float32, and the state after the frames.
        """
        batch, hop, count = len(X), self.hop_length, X.shape[2]
        if count == 0:
            return X.new_zeros(batch, 0, dtype=torch.float32), state
        frames = torch.fft.irfft(X.transpose(1, 2), n=self.n_fft)
        frames = frames[..., self.pad : self.pad + self.win_length] * self.window
        pieces = F.pad(frames, (0, self.hops * hop - self.win_length)).view(batch, count, self.hops, hop)
        total = F.pad(state.overlap.view(batch, self.hops - 1, hop), (0, 0, 0, count))
        for j in range(self.hops):
            total[:, j : j + count] += pieces[:, :, j]
        y = total[:, :count] / self.envelope
        return y.reshape(batch, count * hop), InverseSTFTState(total[:, count:].reshape(batch, -1))

    def forward(self, X: Tensor) -> Tensor:
        """Return whole signals, `delay` samples late: X (B, n_fft//2+1, T) -> y (B, T * hop_length)."""
        return self.step(X, self.init_state(len(X), X.device))[0]
