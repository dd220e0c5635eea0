"""Whether a picture is like those that the captioner learnt from; of others it says things that are not there.

What a picture shows (`gist`) is rebuilt from the directions in which the pictures of the training vary most; what
cannot be rebuilt is new. Source: reconstruction by principal components as a test for novelty, e.g. Pimentel et al.,
"A review of novelty detection", Signal Processing 99 (2014), section 5.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.common import weights
from models.common.arrays import F32

WEIGHTS = weights.FOLDER / "familiar.safetensors"


class Familiarity:
    """Tells familiar pictures from others.

    Args:
        path: of the weights.

    Attributes:
        limit: distance up to which a picture counts as familiar; nine of ten holiday pictures never seen lie below.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        stored = weights.tensors(path)
        self._mean, self._directions = (stored[name].numpy() for name in ("mean", "directions"))
        self.limit = float(stored["limit"])

    def distance(self, gists: F32) -> F32:
        """Return how much of each picture is new: (B,), 0 for nothing.

        Args:
            gists: (B, 1280) of unit length, as `models.vision.captioning_runtime.gist` gives them.
        """
        return residual(gists, self._mean, self._directions)

    def knows(self, gists: F32) -> NDArray[np.bool_]:
        """Return whether each picture is familiar: (B,)."""
        return self.distance(gists) <= self.limit


def residual(gists: F32, mean: F32, directions: F32) -> F32:
    """Return the length of what is left of each row (B, D) after projection on `directions` (K, D) through `mean`."""
    centred = gists - mean
    rebuilt = centred @ directions.T @ directions
    return np.asarray(np.linalg.norm(centred - rebuilt, axis=1), np.float32)
