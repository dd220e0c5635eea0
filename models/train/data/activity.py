"""What a detector of who talks would say: made up for training, with the errors that detectors make.

The detector hears of speech late and smoothly, its noise lasts, and it gives a calibrated probability: an observation
o = mu * (2 a - 1) + n with unit normal n has the log odds 2 mu o (equal priors), so that the balanced accuracy is
Phi(mu): 0.84 at mu = 1, 0.9 at 1.28, 0.96 at 1.75. Real detectors on people never filmed before are at 0.83 to 0.92.
"""

from __future__ import annotations

import torch
from torch import Tensor

WEAKEST, STRONGEST = 0.9, 2.2
"""Range of mu."""

LATEST = 10
"""Blocks of 20 ms by which the detector lags at most."""

EARLIEST = 3
"""Blocks by which it may be early: lips lead the sound."""

_SMOOTH = 8
"""Blocks over which speech is smeared, at most."""

_LASTING = 0.9
"""Correlation of the noise from block to block: it lasts 0.2 s."""

_DROPOUT = 0.25
"""Share of rows in which the detector is blind for a while."""

_HELD = 2
"""Blocks that share a value: a video frame is 40 ms."""


def log_odds(speech: Tensor) -> Tensor:
    """Make up a detector's log odds that somebody speaks.

    Args:
        speech: (B, T) of 0 and 1, a block of 20 ms each.

    Returns:
        (B, T).
    """
    rows, blocks = speech.shape
    dev = speech.device
    lag = torch.randint(-EARLIEST, LATEST + 1, (rows, 1), device=dev)
    width = torch.randint(1, _SMOOTH + 1, (rows, 1), device=dev)
    sums = torch.cat([torch.zeros(rows, 1, device=dev), speech.cumsum(1)], dim=1)
    end = (torch.arange(blocks, device=dev) - lag + 1).clamp(0, blocks)
    begin = (end - width).clamp(min=0)
    smeared = (sums.gather(1, end) - sums.gather(1, begin)) / width
    mu = torch.empty(rows, 1, device=dev).uniform_(WEAKEST, STRONGEST)
    odds = 2 * mu * (mu * (2 * smeared - 1) + _lasting_noise(rows, blocks, dev))
    return torch.as_tensor(odds[:, torch.arange(blocks, device=dev) // _HELD * _HELD])


def seen(rows: int, blocks: int, device: torch.device) -> Tensor:
    """Tell when a detector sees anything at all: (rows, blocks) of 0 and 1, with gaps in some rows."""
    edges = torch.rand(rows, 2, device=device).sort(1).values * blocks
    at = torch.arange(blocks, device=device)
    gap = (at >= edges[:, :1]) & (at < edges[:, 1:])
    some = torch.rand(rows, 1, device=device) < _DROPOUT
    return 1 - (gap & some).float()


def _lasting_noise(rows: int, blocks: int, device: torch.device) -> Tensor:
    """Noise (rows, blocks) of unit variance whose correlation falls by `_LASTING` a block."""
    lags = 40
    kernel = _LASTING ** torch.arange(lags, device=device).flip(0).float()
    white = torch.randn(rows, 1, blocks + lags - 1, device=device)
    return torch.conv1d(white, (kernel / kernel.norm())[None, None])[:, 0]
