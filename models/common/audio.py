"""The sound that every network hears."""

SAMPLE_RATE = 16_000
"""Samples a second, one channel, float32 in [-1, 1]: enough for speech (wideband, 8 kHz), a third of the call's."""
