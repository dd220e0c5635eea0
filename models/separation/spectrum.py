"""What the separator sees of a spectrum, and what it does to it."""

import torch
from torch import Tensor


def features(X: Tensor, level: Tensor) -> Tensor:
    """Return what the layers see of a mixture.

    Args:
        X: (B, 257, T) complex64.
        level: (B, T, 1) running mean of the power.

    Returns:
        (B, T, 771): real and imaginary part, both compressed to the power 0.3, and 0.3 * log magnitude.
    """
    Xn = X / (level.sqrt().transpose(1, 2) + 1e-4)
    magnitude = Xn.abs() + 1e-6
    squeezed = Xn * magnitude.pow(-0.7)
    return torch.cat([squeezed.real, squeezed.imag, torch.log(magnitude) * 0.3], dim=1).transpose(1, 2)


def apply_mask(o: Tensor, X: Tensor) -> Tensor:
    """Apply a mask bounded to |re|, |im| <= 2: o (B, T, 771) of any size, X (B, 257, T) complex64 -> same as X."""
    gate, real, imaginary = o.transpose(1, 2).chunk(3, dim=1)
    gate = torch.sigmoid(gate)
    return X * torch.complex(torch.tanh(real) * 2 * gate, torch.tanh(imaginary) * 2 * gate)
