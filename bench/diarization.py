"""Diarization error rate, with overlap, by frames of 20 ms."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

FRAME = 0.02
"""Seconds of a frame."""

COLLAR = 0.25
"""Seconds around each beginning and end of speech that are not counted, half before and half after."""


def error_rate(truth: np.ndarray, said: np.ndarray) -> tuple[float, float]:
    """How much of the speech is missed, made up, or given to the wrong one.

    Args:
        truth: (P, T) who talks in each frame.
        said: (S, T) who is said to.

    Returns:
        Seconds of error, after the best assignment of speakers to persons, and seconds of speech.
    """
    counted = ~near_changes(truth)
    truth, said = truth[:, counted], said[:, counted]
    together = truth.astype(int) @ said.astype(int).T
    right = together[linear_sum_assignment(-together)].sum()
    errors = np.maximum(truth.sum(axis=0), said.sum(axis=0)).sum() - right
    return float(errors) * FRAME, float(truth.sum()) * FRAME


def near_changes(truth: np.ndarray) -> np.ndarray:
    """Which frames lie, by their middle, within half the collar of a beginning or an end of speech, (T,)."""
    middles = (np.arange(truth.shape[1]) + 0.5) * FRAME
    near = np.zeros(truth.shape[1], bool)
    for row in truth:
        changes = np.flatnonzero(np.diff(np.concatenate([[False], row, [False]]).astype(int))) * FRAME
        for change in changes:
            near |= np.abs(middles - change) < COLLAR / 2
    return near
