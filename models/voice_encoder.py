"""Voice print: how a person sounds, as 192 numbers, from a second or more of that person alone."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.dilated import DilatedBlock

SAMPLE_RATE = 16_000
PRINT = 192
_WIN, _HOP, _FFT, _MELS = 400, 160, 512, 64
_LEVEL = 0.06  # root mean square to which enrolment speech was brought while training


def mel_filters(bins: int, mels: int, low: float, high: float, sample_rate: int) -> Tensor:
    """Triangular filters of height 1, equally spaced on the mel scale m = 2595 log10(1 + f/700).

    Args:
        bins: points of the spectrum, 0 to half the sample rate.
        mels: filters.
        low: lower edge of the first filter, Hz.
        high: upper edge of the last filter, Hz.
        sample_rate: Hz.

    Returns:
        (bins, mels).
    """
    first, last = (2595 * math.log10(1 + f / 700) for f in (low, high))
    edges = torch.linspace(first, last, mels + 2, dtype=torch.float64)
    hertz = 700 * (10 ** (edges / 2595) - 1)
    offset = hertz - torch.linspace(0, sample_rate // 2, bins, dtype=torch.float64)[:, None]
    rise = -offset[:, :-2] / (hertz[1:-1] - hertz[:-2])
    fall = offset[:, 2:] / (hertz[2:] - hertz[1:-1])
    return torch.minimum(rise, fall).clamp(min=0).float()


class VoiceEncoder(nn.Module):
    """Attentive pooling over dilated convolutions; not causal, since enrolment speech is whole.

    Args:
        width: channels, and size of the print.
        hidden: channels of the convolutions.
        dilations: frames of 10 ms between taps, one block each.
    """

    def __init__(self, width: int = PRINT, hidden: int = 384, dilations: tuple[int, ...] = (1, 2, 4, 8, 16)) -> None:
        super().__init__()
        self.input = nn.Linear(_MELS, width)
        self.blocks = nn.ModuleList(DilatedBlock(width, hidden, d, causal=False) for d in dilations)
        self.attention = nn.Linear(width, width)
        self.output = nn.Linear(2 * width, width)
        self.filters: Tensor
        self.window: Tensor
        filters = mel_filters(_FFT // 2 + 1, _MELS, 50, 7600, SAMPLE_RATE)
        self.register_buffer("filters", filters, persistent=False)
        self.register_buffer("window", torch.hamming_window(_WIN), persistent=False)

    def log_mel(self, pcm: Tensor) -> Tensor:
        """Log mel energies: pcm (B, N) at 16 kHz -> (B, 1 + N // 160, 64)."""
        X = torch.stft(pcm, _FFT, _HOP, _WIN, self.window, center=True, return_complex=True)
        return torch.log((X.abs() ** 2).transpose(1, 2) @ self.filters + 1e-4)

    def forward(self, mel: Tensor) -> Tensor:
        """Prints from log mel energies: (B, T, 64) -> (B, width), each of length 8."""
        x = self.input((mel - mel.mean(1, keepdim=True)) / 3)
        for block in self.blocks:
            x = block(x)
        weight = torch.softmax(self.attention(x).float(), dim=1)
        mean = (weight * x).sum(1)
        spread = ((weight * (x - mean[:, None]) ** 2).sum(1) + 1e-4).sqrt()
        return F.normalize(self.output(torch.cat([mean, spread], dim=1)).float(), dim=-1) * 8

    def enrol(self, pcm: Tensor) -> Tensor:
        """Prints of speech at any level: pcm (B, N) at 16 kHz -> (B, width)."""
        level = pcm.pow(2).mean(1, keepdim=True).sqrt()
        return torch.as_tensor(self(self.log_mel(pcm / (level + 3e-3) * _LEVEL)))
