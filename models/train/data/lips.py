"""Lips while training: made up for those who were not filmed, and spoilt as a face tracker would."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from models.common.audio import SAMPLE_RATE
from models.train.data.datasets import FRAME, LIPS


def made_up_lips(sound: Tensor) -> Tensor:
    """Make up lips of a talker who was not filmed: the energy of a random band, smoothed, with drifting noise.

    Args:
        sound: (B, L * 640).

    Returns:
        (B, L, 4) in the units of models/separation/lip_encoder.py, without their mean.
    """
    rows, dev = sound.shape[0], sound.device

    def uniform(low: float, high: float) -> Tensor:
        return torch.empty(rows, 1, device=dev).uniform_(low, high)

    power = torch.fft.rfft(sound.reshape(rows, -1, FRAME), dim=-1).abs() ** 2
    hertz = torch.arange(FRAME // 2 + 1, device=dev) * (SAMPLE_RATE / FRAME)
    low, high = uniform(100, 500)[..., None], uniform(1500, 6000)[..., None]
    energy = (power * ((hertz > low) & (hertz < high))).sum(-1)
    loud = torch.log1p(energy / (energy.mean(1, keepdim=True) + 1e-4) * torch.exp(uniform(-1, 3)))
    loud = loud / (loud.std(1, keepdim=True) + 0.1)
    kernel = torch.hann_window(7, periodic=False, device=dev)[1:-1]
    smooth = F.conv1d(F.pad(loud[:, None], (2, 2), mode="replicate"), (kernel / kernel.sum())[None, None])
    usual = torch.tensor([0.7, 0.8, -0.3, 0.6], device=dev)
    shape = (torch.randn(rows, LIPS, device=dev) * 0.3 + usual) * 0.8
    noise = torch.randn(rows, LIPS, loud.shape[1], device=dev)
    noise = F.avg_pool1d(F.pad(noise, (2, 2), mode="replicate"), 5, 1).transpose(1, 2)
    return smooth[:, 0, :, None] * shape[:, None] + noise * uniform(0, 1.5)[..., None]


def spoil_lips(lips: Tensor, gate: Tensor, lead: Tensor | None = None) -> Tensor:
    """Do to lips (B, L, 4) what a face tracker does: gain, offset, jitter, drift, and a wrong time.

    Args:
        lips: (B, L, 4).
        gate: (B, L, 1), 0 where the face is silent: there the lips rest.
        lead: (B, 1) int64 video frames by which they come too early, below 0 too late; drawn from -2..3 if None.

    Returns:
        (B, L, 4).
    """
    rows, frames, _ = lips.shape
    dev = lips.device
    lips = lips.mean(1, keepdim=True) * (1 - gate) + lips * gate
    lips = lips * torch.exp(torch.randn(rows, 1, LIPS, device=dev) * 0.3)
    jitter = torch.randn_like(lips) * 0.12 * torch.rand(rows, 1, 1, device=dev)
    drift = torch.cumsum(torch.randn_like(lips), 1) * 0.03 * torch.rand(rows, 1, 1, device=dev)
    lips = lips + torch.randn(rows, 1, LIPS, device=dev) + jitter + drift
    if lead is None:
        lead = torch.randint(-2, 4, (rows, 1), device=dev)
    at = (torch.arange(frames, device=dev) + lead).clamp(0, frames - 1)
    return torch.gather(lips, 1, at[..., None].expand(-1, -1, LIPS))
