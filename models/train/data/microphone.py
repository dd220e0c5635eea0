"""What microphones and lines do to sound: levels, clipping, telephone lines."""

from __future__ import annotations

import torch
from torch import Tensor

LOUD = 0.06
"""Root mean square of one talker before the scene's own level."""


def normal(sound: Tensor) -> Tensor:
    """Bring (B, N) to the level `LOUD`."""
    return sound / (sound.pow(2).mean(1, keepdim=True).sqrt() + 1e-3) * LOUD


def bernoulli(rows: int, p: float, device: torch.device) -> Tensor:
    """Draw 1 with probability p, else 0: (rows, 1)."""
    return (torch.rand(rows, 1, device=device) < p).float()


def line(mix: Tensor) -> Tensor:
    """Do to mixtures (B, N) what a bad line does: one in twenty is clipped, one in twenty is G.711 (mu-law)."""
    rows, dev = len(mix), mix.device
    peak = mix.abs().amax(1, keepdim=True) + 1e-6
    limit = peak * torch.empty(rows, 1, device=dev).uniform_(0.25, 0.8)
    clipped = mix.clamp(-limit, limit)
    mix = torch.where(bernoulli(rows, 0.05, dev) > 0, clipped, mix)
    bounded = mix.clamp(-1, 1)
    squeezed = bounded.sign() * torch.log1p(255 * bounded.abs()) / torch.log(torch.tensor(256.0))
    steps = torch.round(squeezed * 127) / 127
    law = steps.sign() * (torch.pow(256.0, steps.abs()) - 1) / 255
    return torch.where(bernoulli(rows, 0.05, dev) > 0, law, mix)
