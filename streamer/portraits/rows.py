"""What the portraits' process and the call agree on: mouth shapes as they travel, eleven bytes each."""

from __future__ import annotations

import numpy as np

from models.common.arrays import F32

PATIENCE = 5.0
"""How many times longer than the voices' process it may take: portraits are made on what is left of the processor."""

AMOUNT, SHARE = 31, 127
"""What an amount of one standard deviation, and the share of a mouth that does all the network says, are as bytes."""


def packed(rows: F32) -> bytes:
    """Return rows (T, 11) of `models.portrait.mouth.Mouth.newest` as signed bytes, one row after the other."""
    whole = np.concatenate([rows[:, :-1] * AMOUNT, rows[:, -1:] * SHARE], axis=1)
    data: bytes = np.clip(np.rint(whole), -127, 127).astype(np.int8).tobytes()
    return data


def unpacked(data: bytes) -> F32:
    """Return the rows of `packed`."""
    whole = np.frombuffer(data, np.int8).reshape(-1, 11).astype(np.float32)
    return np.concatenate([whole[:, :-1] / AMOUNT, whole[:, -1:] / SHARE], axis=1).astype(np.float32)
