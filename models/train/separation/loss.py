"""What training minimises, all of it on spectra: noise over signal at the right level, and sound of the silent."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

CEILING = 10 ** (-20 / 10)
"""Noise over signal below which next to nothing is gained: else those who are alone would be learnt at the cost of
those beside others, since a decibel weighs more the less noise is left."""

FLOOR = 10 ** (-30 / 10)
"""What is left of a silent voice, over the mixture, below which nothing is gained."""

SHAPE = 2.0
"""Weight of the compressed spectrum, by which quiet parts count too."""


@dataclass
class Loss:
    """Parts of the loss.

    Attributes:
        total: What is minimised.
        snr: (B,) dB, scale and all; NaN for the silent.
        residual: (B,) dB of the output below the mixture; NaN for those who talk.
    """

    total: Tensor
    snr: Tensor
    residual: Tensor


def loss_of(Y: Tensor, S: Tensor, X: Tensor) -> Loss:
    """Loss of some voices.

    Args:
        Y: (B, F, T) complex64 spectra given.
        S: wanted; zeros of the silent.
        X: of the mixtures.
    """
    energy, whole = (torch.view_as_real(Z).pow(2).sum((1, 2, 3)) for Z in (S, X))
    error = torch.view_as_real(Y - S).pow(2).sum((1, 2, 3))
    given = torch.view_as_real(Y).pow(2).sum((1, 2, 3))
    talks = energy > 1e-4 * whole
    snr = -10 * torch.log10(error / (energy + 1e-6) + CEILING)
    residual = 10 * torch.log10(given / (whole + 1e-6) + FLOOR)
    level = (whole / X[0].numel()).sqrt()[:, None, None, None] + 1e-4
    shape = (_compressed(Y, level) - _compressed(S, level)).pow(2).sum(-1).mean((1, 2))
    each = torch.where(talks, -snr, 0.5 * residual) + SHAPE * shape
    nothing = torch.full_like(snr, math.nan)
    return Loss(each.mean(), torch.where(talks, snr, nothing).detach(), torch.where(talks, nothing, residual).detach())


def _compressed(X: Tensor, level: Tensor) -> Tensor:
    """Spectrum (B, F, T) with the root of its magnitude, as real and imaginary parts (B, F, T, 2)."""
    parts = torch.view_as_real(X) / level
    magnitude = (parts.pow(2).sum(-1, keepdim=True) + 1e-6).sqrt()
    return parts / magnitude.sqrt()
