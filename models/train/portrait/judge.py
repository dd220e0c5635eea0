"""Whether lips belong to a sound: canonical correlation of the two, fitted on people other than the mouth's.

For sound x_t (log-mel bands around the moment, their largest principal components) and lips y_t (how far they are
open, how wide, how low, around the moment too), canonical correlation analysis finds the pairs of directions a_k, b_k
in which they correlate most (Hotelling 1936): with covariances regularised by r,

    K = (Sxx + r I)^-1/2 Sxy (Syy + r I)^-1/2 = U diag(s) V',   a_k = (Sxx + r I)^-1/2 u_k,   b_k alike.

The score of a stretch is the mean over `PAIRS` of the correlation that a_k x and b_k y have in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.common.arrays import F32, F64
from models.portrait.log_mel import BANDS, LogMel
from models.portrait.mouth import FRAMES
from models.train.portrait.data import Talk

PAIRS = 3
RIDGE = 0.05
SOUND, LIPS = range(-4, 8), range(-2, 3)
"""Steps around a moment that are looked at: of sound in halves of 20 ms, of lips in 40 ms."""


def sound_features(pcm: F32) -> F32:
    """Return (T, ...) of sound (N,): ten broad bands every 20 ms around each step, their level taken away."""
    ear = LogMel()
    raw = ear.bands(pcm, ear.begin())
    voice = ear.begin()
    ear.level(raw, voice)
    bands = ear.level(raw, voice)
    steps = len(bands) // FRAMES
    halves = bands[: steps * FRAMES].reshape(steps * 2, 2, BANDS // 4, 4).mean(axis=(1, 3)).clip(-4, 4)
    at = np.arange(steps)[:, None] * 2 + np.array(SOUND)
    return np.asarray(halves[at.clip(0, len(halves) - 1)].reshape(steps, -1), np.float32)


def lip_features(points: F32) -> F32:
    """Return (T, ...) of lips (T, 40, 2): four numbers around each step, in standard deviations of the stretch."""
    inner, outer = points[:, 25, 1] - points[:, 35, 1], points[:, 5, 1] - points[:, 15, 1]
    numbers = np.stack([inner, outer, points[:, 10, 0] - points[:, 0, 0], points[:, 5, 1]], axis=1)
    numbers = (numbers - numbers.mean(axis=0)) / (numbers.std(axis=0) + 0.004)
    at = np.arange(len(numbers))[:, None] + np.array(LIPS)
    return np.asarray(numbers[at.clip(0, len(numbers) - 1)].reshape(len(numbers), -1), np.float32)


@dataclass(frozen=True)
class Judge:
    """What was fitted.

    Attributes:
        sound: (S, PAIRS) directions of sound.
        lips: (L, PAIRS) of lips.
    """

    sound: F64
    lips: F64

    def score(self, x: F32, y: F32) -> float:
        """Say how well lips go with sound, -1..1: `sound_features` and `lip_features` of one stretch."""
        steps = min(len(x), len(y))
        a, b = x[:steps] @ self.sound, y[:steps] @ self.lips
        a, b = a - a.mean(axis=0), b - b.mean(axis=0)
        size = np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0)) + 1e-9
        return float(((a * b).sum(axis=0) / size).mean())


def fit(talks: Sequence[Talk]) -> Judge:
    """Fit on filmed people."""
    xs, ys = [], []
    for talk in talks:
        x, y = sound_features(talk.sound), lip_features(talk.points)
        steps = min(len(x), len(y))
        # A stretch's own mean says who is heard, not what.
        xs.append(x[:steps] - x[:steps].mean(axis=0))
        ys.append(y[:steps] - y[:steps].mean(axis=0))
    sound, lips = np.concatenate(xs).astype(np.float64), np.concatenate(ys).astype(np.float64)
    whiten_sound, whiten_lips = _whitening(sound), _whitening(lips)
    u, _, v = np.linalg.svd(whiten_sound @ (sound.T @ lips / len(sound)) @ whiten_lips)
    return Judge(whiten_sound @ u[:, :PAIRS], whiten_lips @ v[:PAIRS].T)


def _whitening(x: F64) -> F64:
    """Return the inverse square root of the covariance of rows (T, D)."""
    values, vectors = np.linalg.eigh(x.T @ x / len(x))
    root: F64 = vectors / np.sqrt(values + RIDGE * values.mean()) @ vectors.T
    return root
