"""Whether a picture is like those that the captioner learnt from; of others its words are to be doubted.

A normal distribution over what pictures show (`models.vision.captioning_runtime.gist`), in its directions of most
variance and alike in all others (Tipping and Bishop, "Probabilistic principal component analysis", 1999):

    distance = sum_k (a_k . (x - m))^2 / v_k + |rest|^2 / v_rest

Measured on the training pictures; the limit is the distance within which nine in ten of others of their kind lie.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

import numpy as np
from safetensors.numpy import load_file

from models.common import weights
from models.common.arrays import F32, Bools

WEIGHTS = weights.FOLDER / "familiar.safetensors"


class Familiar:
    """The distribution.

    Args:
        stored: `mean` (1280,), `axes` (K, 1280), the variances along them `spread` (K,) and across `rest` (1,), and the
            `limit` (1,).
    """

    def __init__(self, stored: dict[str, F32]) -> None:
        self._mean, self._axes, self._spread = stored["mean"], stored["axes"], stored["spread"]
        self._rest, self.limit = float(stored["rest"][0]), float(stored["limit"][0])

    @classmethod
    def load(cls, path: Path = WEIGHTS) -> Self:
        """Read what was measured.

        Raises:
            FileNotFoundError: it is not there.
        """
        return cls({name: value.astype(np.float32) for name, value in load_file(path).items()})

    def distance(self, gists: F32) -> F32:
        """Return how far pictures (B, 1280) are from those that were learnt from: (B,), in the mean 1 for these."""
        x = gists - self._mean
        along = x @ self._axes.T
        rest = np.maximum(np.square(x).sum(axis=1) - np.square(along).sum(axis=1), 0)
        whole = (np.square(along) / self._spread).sum(axis=1) + rest / self._rest
        return np.asarray(whole / x.shape[1], np.float32)

    def of(self, gists: F32) -> Bools:
        """Return which pictures (B, 1280) are like them: (B,)."""
        return np.asarray(self.distance(gists) <= self.limit)


def measured(gists: F32, apart: F32, axes: int, share: float = 0.9) -> dict[str, F32]:
    """Measure the distribution.

    Args:
        gists: (N, 1280) of pictures that were learnt from.
        apart: (M, 1280) of others of their kind, for the limit.
        axes: Directions with a variance of their own.
        share: Of those others that are to count as familiar.

    Returns:
        What is stored.
    """
    mean = gists.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(gists - mean, rowvar=False).astype(np.float64))
    stored = {
        "mean": mean,
        "axes": vectors[:, ::-1][:, :axes].T,
        "spread": values[::-1][:axes],
        "rest": values[::-1][axes:].mean(keepdims=True),
        "limit": np.ones(1),
    }
    result = {name: np.ascontiguousarray(value, np.float32) for name, value in stored.items()}
    result["limit"][0] = np.quantile(Familiar(result).distance(apart), share)
    return result
