"""Voice print: how a person sounds, as 256 numbers, from a second or more of that person alone.

A d-vector: three LSTM layers over mel energies, trained to bring utterances of one person together and to keep those
of others away (Wan et al. 2018, "Generalized end-to-end loss for speaker verification", arXiv:1710.10467). It hears
windows of 1.6 s; a longer snippet is the mean of those windows in which there is speech.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights
from models.common.audio import SAMPLE_RATE

WEIGHTS = weights.FOLDER / "voice.safetensors"
PRINT = 256
"""Numbers in a print."""

LENGTH = 8.0
"""Euclidean length of every print: its numbers are about as large as the separator's other inputs."""

_WIN, _HOP, _MELS = 400, 160, 40
_FRAMES = 160
"""Frames of 10 ms in a window."""

_EVERY = 80
"""Frames from one window to the next, at most."""

_HEARD = 0.5
"""Energy of a window, as a share of the loudest, from which it counts."""

_LEVEL = 10 ** (-30 / 20)
"""Root mean square to which speech is brought: the layers see energies as they are."""


def mel_filters(bins: int, mels: int, sample_rate: int) -> Tensor:
    """Make triangular filters of area 1 over hertz, on the mel scale of Slaney's Auditory Toolbox (1998).

    That scale is linear up to 1 kHz, 66.7 Hz a step, and logarithmic above, 27 steps to a factor of 6.4.

    Args:
        bins: Points of the spectrum, 0 to half the sample rate.
        mels: Filters.
        sample_rate: Hz.

    Returns:
        (bins, mels).
    """
    per_step = math.log(6.4) / 27
    top = 15 + math.log(sample_rate / 2 / 1000) / per_step
    steps = torch.linspace(0, top, mels + 2, dtype=torch.float64)
    hertz = torch.where(steps < 15, steps * 200 / 3, 1000 * torch.exp((steps - 15) * per_step))
    low, middle, high = hertz[:-2], hertz[1:-1], hertz[2:]
    at = torch.linspace(0, sample_rate / 2, bins, dtype=torch.float64)[:, None]
    triangles = torch.minimum((at - low) / (middle - low), (high - at) / (high - middle)).clamp(min=0)
    return (triangles * 2 / (high - low)).float()


class VoiceEncoder(nn.Module):
    """The network.

    Args:
        hidden: Cells of a layer.
        layers: LSTM layers.
    """

    def __init__(self, hidden: int = 256, layers: int = 3) -> None:
        super().__init__()
        self.lstm = nn.LSTM(_MELS, hidden, layers, batch_first=True)
        self.linear = nn.Linear(hidden, PRINT)
        self.filters: Tensor
        self.window: Tensor
        self.register_buffer("filters", mel_filters(_WIN // 2 + 1, _MELS, SAMPLE_RATE), persistent=False)
        self.register_buffer("window", torch.hann_window(_WIN), persistent=False)

    def mel(self, pcm: Tensor) -> Tensor:
        """Return mel energies: pcm (B, N) at 16 kHz -> (B, 1 + N // 160, 40)."""
        X = torch.stft(pcm, _WIN, _HOP, _WIN, self.window, center=True, pad_mode="constant", return_complex=True)
        return torch.as_tensor((X.abs() ** 2).transpose(1, 2) @ self.filters)

    def forward(self, mel: Tensor) -> Tensor:
        """Make prints from mel energies of one window: (B, T, 40) -> (B, 256), of length 1 and nowhere negative."""
        _, (last, _) = self.lstm(mel)
        return F.normalize(torch.relu(self.linear(last[-1])), dim=-1)

    def enrol(self, pcm: Tensor) -> Tensor:
        """Make prints of speech at any level: pcm (B, N) at 16 kHz -> (B, 256), each of length 8."""
        level = pcm.pow(2).mean(1, keepdim=True).sqrt()
        mel = self.mel(pcm / (level + 1e-5) * _LEVEL)
        spare = mel.shape[1] - _FRAMES
        if spare <= 0:
            return torch.as_tensor(self(mel) * LENGTH)
        count = -(-spare // _EVERY) + 1
        starts = [round(i * spare / (count - 1)) for i in range(count)]
        windows = torch.stack([mel[:, at : at + _FRAMES] for at in starts], dim=1)
        prints: Tensor = self(windows.flatten(0, 1)).unflatten(0, (len(pcm), count))
        energy = windows.sum((2, 3))
        heard = (energy >= _HEARD * energy.amax(1, keepdim=True)).to(prints.dtype)  # a pause sounds like nobody
        return F.normalize((prints * heard[..., None]).sum(1), dim=-1) * LENGTH


def load_voice_encoder(path: Path = WEIGHTS) -> VoiceEncoder:
    """Load the encoder with its shipped weights; errors as `weights.filled`."""
    return weights.filled(VoiceEncoder(), path)
