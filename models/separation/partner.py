"""Two faces before one microphone: rows of one batch that know of each other."""

import torch
from torch import Tensor

LAYERS = ("exchange.", "share.")
"""Names of the separator's layers by which faces know of each other; older weights have none."""


def places_of(numbers: Tensor, rows: Tensor) -> Tensor:
    """Find each number (K,) in `rows` (R,), which holds each at most once -> places (K,) int64; -1 if nowhere."""
    match = numbers[:, None] == rows
    return torch.where(match.any(1), match.int().argmax(1), -1)


def rows_at(x: Tensor, places: Tensor) -> Tensor:
    """Gather rows of x (R, …) at places (K,) -> (K, …); zeros for a place of -1."""
    return torch.cat([x, torch.zeros_like(x[:1])])[places]


def with_share_of_rest(Y: Tensor, X: Tensor, share: Tensor, beside: Tensor) -> Tensor:
    """Give voices what they claim of the sound that neither of two faces took for its own.

    Args:
        Y: (B, 257, T) complex64 voices.
        X: (B, 257, T) the mixture they were pulled from.
        share: (B, 257, T) of the rest, 0..1.
        beside: (B,) int64 which of these rows is the other face, -1 for none: then nothing is claimed.

    Returns:
        Same shape as Y.
    """
    rest = X - Y - rows_at(Y, beside)
    return Y + rest * share * (beside >= 0)[:, None, None]
