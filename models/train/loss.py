"""What training minimises: noise over signal at the right level, the compressed spectrum, sound of the silent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from models.train.mix import Scene

FFT, HOP, WIN = 512, 160, 400
CLIP_SNR = 1e-3  # noise over signal below which nothing is gained: 30 dB


def spectrum(sound: Tensor) -> Tensor:
    """(B, N) -> (B, 257, 1 + N // 160) complex64, in the phase convention of models/stft.py."""
    window = torch.hamming_window(WIN, device=sound.device)
    return torch.stft(sound, FFT, HOP, WIN, window, center=True, return_complex=True)


def waveform(X: Tensor, length: int) -> Tensor:
    """Inverse of `spectrum`."""
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
    """Loss of each row, its signal-to-noise ratio, and what is left of it.

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
    snr = -10 * torch.log10((error + CLIP_SNR * energy + 1e-10) / (energy + 1e-10))
    residual = 10 * torch.log10((out.pow(2).mean(1) + CLIP_SNR * whole) / (whole + 1e-10))
    level = whole.sqrt()[:, None, None] + 1e-4
    a, b = Y / level, spectrum(voice) / level
    small = 1e-4
    size_a, size_b = a.abs() + small, b.abs() + small
    shape = (size_a.pow(0.3) - size_b.pow(0.3)).pow(2).mean((1, 2))
    shape = shape + (a * size_a.pow(-0.7) - b * size_b.pow(-0.7)).abs().pow(2).mean((1, 2))
    nothing = torch.full_like(snr, math.nan)
    each = torch.where(talks, -snr, 0.5 * residual) + 4 * shape
    return each, torch.where(talks, snr, nothing).detach(), torch.where(talks, nothing, residual).detach()


def loss_of(Y: Tensor, scene: Scene) -> Loss:
    """Loss of one face's voice, Y (B, 257, T), over a batch."""
    each, snr, residual = parts_of(Y, scene.voice, scene.mix, scene.silent)
    return Loss(each.mean(), snr, residual)


def identity_loss(prints: Tensor, again: Tensor, who: Tensor) -> Tensor:
    """How badly prints of one person are told from those of the others in the batch (InfoNCE, both ways).

    Separation alone taught prints whose error rate at telling two people apart was 15 %.

    Args:
        prints: (B, 192) of length 8.
        again: (B, 192) of other speech of the same people.
        who: (B,) which person; two rows of one person are no contrast to each other.
    """
    alike = prints.float() @ again.float().T / 8  # cosines times 8
    same = who[:, None] == who[None, :]
    own = torch.eye(len(who), dtype=torch.bool, device=who.device)
    alike = alike.masked_fill(same & ~own, -1e4)
    target = torch.arange(len(who), device=who.device)
    return (F.cross_entropy(alike, target) + F.cross_entropy(alike.T, target)) / 2
