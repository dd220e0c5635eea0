"""How drawn faces look to networks: whether they are faces, whose, of what gender and age."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.linalg import sqrtm

from models.common.arrays import F32, F64
from models.common.arrays import U8 as Pixels
from models.faces.detect import FaceDetector
from models.speech2face.decoder import FaceDecoder


@torch.no_grad()
def drawn(decoder: FaceDecoder, embeddings: F32) -> list[Pixels]:
    """Draw faces for embeddings (N, 128): N pictures (96, 96, 3)."""
    pictures = decoder(torch.from_numpy(embeddings).float()).permute(0, 2, 3, 1).numpy()
    return [np.ascontiguousarray(np.rint(picture * 255).astype(np.uint8)) for picture in pictures]


def found_by_detector(pictures: Sequence[Pixels]) -> float:
    """Share of pictures in which the face detector finds just one face."""
    detector = FaceDetector()
    return float(np.mean([len(detector.whole(rgb)) == 1 for rgb in pictures]))


def frechet(a: F32, b: F32) -> float:
    """Fréchet distance of two sets of embeddings, each taken for a normal distribution.

    Heusel et al. 2017, "GANs trained by a two time-scale update rule converge to a local Nash equilibrium",
    arXiv:1706.08500, with the face embedding in place of Inception's features.
    """
    means, spreads = zip(*((x.mean(axis=0), np.cov(x.astype(np.float64).T)) for x in (a, b)), strict=True)
    cross = np.real(sqrtm(spreads[0] @ spreads[1]))
    return float(np.sum((means[0] - means[1]) ** 2) + np.trace(spreads[0] + spreads[1] - 2 * cross))


def nearest(a: F32, b: F32) -> F64:
    """Distance from each embedding of `a` (N, 128) to the nearest of `b` (M, 128): (N,)."""
    squares = (a**2).sum(axis=1)[:, None] - 2 * a @ b.T + (b**2).sum(axis=1)[None]
    found: F64 = np.sqrt(np.maximum(squares.min(axis=1), 0)).astype(np.float64)
    return found
