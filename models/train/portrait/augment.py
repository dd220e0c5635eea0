"""Other voices, rooms and microphones, made of log-mel bands while training."""

from __future__ import annotations

import torch
from torch import Tensor

from models.portrait.log_mel import BANDS, FLOOR, PRIOR, USUAL

WARP = 0.12
"""Share by which formants are moved at most, up or down."""


def spoilt(bands: Tensor) -> Tensor:
    """Return bands (B, T, 40) as of other throats, microphones and rooms; a third of the rooms is silent and dry."""
    power = warped(bands).exp()
    power = _in_room(power)
    power = power * _colour(bands.shape[0], 0.9, 1.8)
    return torch.log(_with_noise(power) + FLOOR)


def warped(bands: Tensor) -> Tensor:
    """Return bands whose frequencies are multiplied, each row by a factor of its own (vocal tract length)."""
    rows, count = bands.shape[0], BANDS
    factor = 1 + WARP * (2 * torch.rand(rows, 1) - 1)
    top = 2595 * torch.log10(torch.tensor(1 + 7600 / 700))
    low = 2595 * torch.log10(torch.tensor(1 + 80 / 700))
    centres = low + (top - low) * torch.arange(1, count + 1) / (count + 1)
    hertz = 700 * (10 ** (centres / 2595) - 1)
    at = (2595 * torch.log10(1 + hertz * factor / 700) - low) / (top - low) * (count + 1) - 1
    at = at.clamp(0, count - 1)
    below = at.floor().long().clamp(max=count - 2)
    share = (at - below)[:, None]
    index = below[:, None].expand(-1, bands.shape[1], -1)
    return torch.gather(bands, 2, index) * (1 - share) + torch.gather(bands, 2, index + 1) * share


def levelled(bands: Tensor) -> Tensor:
    """Take away the running mean as log_mel.py does; half of the rows are known from their whole length beforehand."""
    weight = bands.exp().mean(2, keepdim=True).sqrt()
    known = (torch.rand(len(bands), 1, 1) < 0.5).float()
    prior = PRIOR + known * weight.sum(1, keepdim=True)
    before = USUAL * PRIOR + known * (weight * bands).sum(1, keepdim=True)
    return bands - (before + (weight * bands).cumsum(1)) / (prior + weight.cumsum(1))


def _colour(rows: int, spread: float, gain: float) -> Tensor:
    """Draw smooth factors (B, 1, 40) of power: a gain, a tilt and two waves, in nepers."""
    phase = torch.linspace(0, torch.pi, BANDS)
    waves = torch.stack([torch.cos(k * phase) for k in (1, 2, 3)])
    return (torch.randn(rows, 3) @ waves * spread / 2 + torch.randn(rows, 1) * gain).exp()[:, None]


def _in_room(power: Tensor) -> Tensor:
    """Add a tail that falls by 60 dB in 0.15 to 0.8 s."""
    decay = torch.exp(-13.8 / (100 * (0.15 + 0.65 * torch.rand(len(power), 1))))
    wet = 0.6 * torch.rand(len(power), 1) * (torch.rand(len(power), 1) < 0.6)
    tail, tails = torch.zeros_like(power[:, 0]), []
    for frame in power.unbind(1):
        tails.append(tail)
        tail = decay * tail + (1 - decay) * frame
    return power + wet[:, None] * torch.stack(tails, 1)


def _with_noise(power: Tensor) -> Tensor:
    """Add steady noise of some colour, and softly what another row says, each to half of the rows."""
    rows = len(power)
    loud = power.mean((1, 2), keepdim=True)
    hiss = _colour(rows, 1.5, 0.0) * (-torch.rand_like(power).clamp_min(1e-6).log())
    hiss = hiss / hiss.mean((1, 2), keepdim=True)
    voices = power.roll(1, 0) * loud / loud.roll(1, 0)

    def below(lowest: float, highest: float) -> Tensor:
        decibels = lowest + (highest - lowest) * torch.rand(rows, 1, 1)
        return loud * 10 ** (-decibels / 10) * (torch.rand(rows, 1, 1) < 0.5)

    return power + below(8, 45) * hiss + below(12, 35) / loud * voices
