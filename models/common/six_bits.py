"""Weights in six bits each, four of them in three bytes, with a scale for every 32 inputs of an output."""

from __future__ import annotations

import numpy as np

from models.common.arrays import F16, F32, U8

GROUP = 32
"""Weights that share a scale."""

MOST = 31
"""Whole numbers stored are -31..31, 32 higher."""


def pack(weight: F32) -> tuple[U8, F16]:
    """Round a matrix to six bits.

    Args:
        weight: shape (outputs, inputs).

    Returns:
        Bytes, shape (outputs * padded / 4 * 3,), where `padded` is the next multiple of 32 from `inputs` on, and
        scales, shape (outputs, padded / 32).
    """
    outputs, inputs = weight.shape
    groups = np.pad(weight, ((0, 0), (0, -inputs % GROUP))).reshape(outputs, -1, GROUP)
    scale = np.maximum(np.abs(groups).max(axis=2) / MOST, 1e-7).astype(np.float16)
    whole = np.clip(np.rint(groups / scale[..., None].astype(np.float32)), -MOST, MOST) + MOST + 1
    bits = np.unpackbits(whole.astype(np.uint8).reshape(-1, 1), axis=1)
    # Files are written byte by byte as arrays lie in memory.
    return np.packbits(bits[:, 2:]), np.ascontiguousarray(scale)


def unpack(packed: U8, scale: F16, inputs: int) -> F32:
    """Undo `pack`: shape (outputs, inputs)."""
    bits = np.unpackbits(packed).reshape(-1, 6)
    whole = np.packbits(np.pad(bits, ((0, 0), (2, 0))), axis=1).astype(np.float32) - MOST - 1
    groups = whole.reshape(*scale.shape, GROUP) * scale[..., None].astype(np.float32)
    weight: F32 = np.ascontiguousarray(groups.reshape(len(scale), -1)[:, :inputs])
    return weight
