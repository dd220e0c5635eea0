"""What training minimises: noise over signal at the right level, the compressed spectrum, sound of the silent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from models.train.data.mix import AcousticScene

FFT, HOP, WIN = 512, 160, 400
CEILING = 10 ** (-15 / 10)
"""Noise over signal below which next to nothing is gained. A decibel weighs more the less noise is left: at 30 dB the
scenes with nobody else in them had 5 to 10 times the gradient of those in which two talk, and those were not learnt."""
FLOOR = 10 ** (-25 / 10)
"""What is left of a silent face, over the mixture, below which nothing is gained."""


def spectrum(sound: Tensor) -> Tensor:
    """Transform (B, N) -> (B, 257, 1 + N // 160) complex64, in the phase convention of models/common/stft.py."""
    window = torch.hamming_window(WIN, device=sound.device)
    return torch.stft(sound, FFT, HOP, WIN, window, center=True, return_complex=True)


def waveform(X: Tensor, length: int) -> Tensor:
    """Invert `spectrum`."""
    window = torch.hamming_window(WIN, device=X.device)
    return torch.istft(X, FFT, HOP, WIN, window, center=True, length=length)


@dataclass
class Loss:
    """Parts of the loss.

    Attributes:
        total: What is minimised.
        snr: (B,) dB, scale and all; NaN where the face is silent.
        residual: (B,) dB of the output below the mixture; NaN where the face talks.
    """

    total: Tensor
    snr: Tensor
    residual: Tensor


def parts_of(Y: Tensor, voice: Tensor, mix: Tensor, silent: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the loss of each row, its signal-to-noise ratio, and what is left of it.

    The ratio is not scale-invariant: mixture minus voices has to be what is left, so the level counts.

    Args:
        Y: (B, 257, T) spectrum given.
        voice: (B, N) wanted.
        mix: (B, N).
        silent: (B,) bool, whether `voice` says nothing.

    Returns:
        Three times (B,); the ratio is NaN for the silent and what is left NaN for those who talk.
    """
    out = waveform(Y, mix.shape[1])
    energy, whole = voice.pow(2).mean(1), mix.pow(2).mean(1)
    talks = ~silent & (energy > 1e-4 * whole)
    error = (out - voice).pow(2).mean(1)
    snr = -10 * torch.log10((error + CEILING * energy + 1e-10) / (energy + 1e-10))
    residual = 10 * torch.log10((out.pow(2).mean(1) + FLOOR * whole) / (whole + 1e-10))
    level = whole.sqrt()[:, None, None] + 1e-4
    a, b = Y / level, spectrum(voice) / level
    small = 1e-4
    size_a, size_b = a.abs() + small, b.abs() + small
    shape = (size_a.pow(0.3) - size_b.pow(0.3)).pow(2).mean((1, 2))
    shape = shape + (a * size_a.pow(-0.7) - b * size_b.pow(-0.7)).abs().pow(2).mean((1, 2))
    nothing = torch.full_like(snr, math.nan)
    each = torch.where(talks, -snr, 0.5 * residual) + 4 * shape
    return each, torch.where(talks, snr, nothing).detach(), torch.where(talks, nothing, residual).detach()


def loss_of(Y: Tensor, scene: AcousticScene) -> Loss:
    """Return the loss of one face's voice, Y (B, 257, T), over a batch."""
    each, snr, residual = parts_of(Y, scene.voice, scene.mix, scene.silent)
    return Loss(each.mean(), snr, residual)
