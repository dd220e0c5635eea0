"""The sound that every network hears, and its samples as files and calls carry them."""

import numpy as np

from models.common.arrays import F32, I16

SAMPLE_RATE = 16_000
"""Samples a second, one channel, float32 in [-1, 1]: enough for speech (wideband, 8 kHz), a third of the call's."""


def to_pcm16(x: F32) -> I16:
    """Return samples in [-1, 1] as int16; what is beyond is clipped, and what was made of int16 comes back exactly."""
    pcm: I16 = np.clip(np.rint(x * 32768.0), -32768, 32767).astype(np.int16)
    return pcm
