"""Places of pictures, as the joint embedding and the answers to questions look at them, and their components."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.train.data.flickr8k import StoredGrids
from models.vision.embed import CHANNELS, PLACES, REDUCED, places


def components(stored: StoredGrids, count: int, rows: Sequence[int]) -> nn.Linear:
    """Find principal components of places: (…, 1392) -> (…, count), of mean deviation 1.

    Args:
        stored: Grids of pictures.
        count: Components.
        rows: Pictures to find them on.
    """
    x = all_places(stored, rows).flatten(0, 1)
    mean = x.mean(0)
    x = x - mean
    values, axes = torch.linalg.eigh(x.T @ x / len(x))
    axes, kept = axes[:, -count:].flip(1), values[-count:].flip(0)
    reduce = nn.Linear(CHANNELS, count)
    with torch.no_grad():
        # Halfway to whitened: the small components carry meaning, and noise.
        weight = axes / (kept.sqrt() * kept.mean().sqrt()).sqrt()
        reduce.weight.copy_(weight.T)
        reduce.bias.copy_(-mean @ weight)
    return reduce


def reduced(reduce: nn.Linear, stored: StoredGrids) -> Tensor:
    """Return every picture's places (N, 49, 512) in bfloat16."""
    every = torch.empty(len(stored.top), PLACES, REDUCED, dtype=torch.bfloat16)
    weight, bias = reduce.weight.detach().bfloat16(), reduce.bias.detach()
    for at in range(0, len(every), 200):
        x = all_places(stored, slice(at, at + 200)).bfloat16()
        every[at : at + 200] = functional.linear(x, weight) + bias
    return every


def all_places(stored: StoredGrids, rows: slice | Sequence[int]) -> Tensor:
    """Return places (N, 49, 1392) float32 of some pictures."""
    middle, top = (torch.from_numpy(grid[rows].astype(np.float32)) for grid in stored)
    return places(middle, top)
