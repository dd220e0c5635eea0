"""How far a face reaches around a cell: a mouth moves with the voice, but it is the face that is wanted.

Learned from the boxes of the face detector, of all faces alike: nothing here knows who makes a sound.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from models.common.arrays import F32
from models.vision.image_encoder import MIDDLE, TOP

GRID = 14


class FaceExtent(nn.Module):
    """For each cell, whether it is part of a face, and where that face's edges are."""

    def __init__(self) -> None:
        super().__init__()
        self.near, self.far = nn.Conv2d(MIDDLE, 64, 1), nn.Conv2d(TOP, 64, 1)
        self.body = nn.Sequential(
            nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(),
            nn.Conv2d(64, 5, 1),
        )  # fmt: skip

    def forward(self, middle: Tensor, top: Tensor) -> Tensor:
        """Look.

        Args:
            middle: Shape (B, 112, 14, 14), of the image encoder.
            top: Shape (B, 1280, 7, 7), of the image encoder.

        Returns:
            (B, 5, 14, 14): logit of a face, then log of the distances from the cell's middle to the left, upper, right
            and lower edge of its box, in sides of the picture.

        Source: Tian et al., "FCOS: fully convolutional one-stage object detection", ICCV 2019, section 3.1.
        """
        wide = functional.interpolate(self.far(top), scale_factor=2.0, mode="bilinear")
        result: Tensor = self.body(self.near(middle) + wide)
        return result


def middles() -> tuple[F32, F32]:
    """Return where the cells' middles are across and down, as fractions, each (14, 14)."""
    at = (np.arange(GRID, dtype=np.float32) + 0.5) / GRID
    x, y = (grid.astype(np.float32) for grid in np.meshgrid(at, at))
    return x, y


def covered(boxes: F32) -> F32:
    """Return the share of every cell that lies within a box.

    Args:
        boxes: Shape (N, 4): left, top, right, bottom as fractions.

    Returns:
        (N, 14, 14).
    """
    edges = np.arange(GRID, dtype=np.float32) / GRID

    def along(low: F32, high: F32) -> F32:
        inside = np.minimum(high[:, None], edges + 1 / GRID) - np.maximum(low[:, None], edges)
        return np.asarray(np.clip(inside * GRID, 0, 1), np.float32)

    return along(boxes[:, 1], boxes[:, 3])[:, :, None] * along(boxes[:, 0], boxes[:, 2])[:, None, :]


def faces_around(extent: F32, attention: F32) -> tuple[F32, float]:
    """Return the faces that attention falls on.

    Args:
        extent: Shape (5, 14, 14), of `FaceExtent`.
        attention: Shape (14, 14), sums to 1.

    Returns:
        Each cell's share in those faces, (14, 14), and how much of the attention falls on faces, 0..1.
    """
    face = 1 / (1 + np.exp(-np.clip(extent[0], -30, 30)))
    weight = (attention * face).ravel()
    total = float(weight.sum())
    x, y = middles()
    reach = np.exp(np.clip(extent[1:], -5, 0.5))
    edges = np.stack([x - reach[0], y - reach[1], x + reach[2], y + reach[3]], axis=-1).reshape(-1, 4)
    most = np.argsort(-weight)[:24]
    shares = np.einsum("n,nhw->hw", weight[most] / max(float(weight[most].sum()), 1e-9), covered(edges[most]))
    return np.asarray(shares, np.float32), total


def extent_loss(found: Tensor, boxes: Tensor, owner: Tensor) -> Tensor:
    """Return the loss against the detector's boxes.

    Args:
        found: (B, 5, 14, 14) of `FaceExtent`.
        boxes: (B, 196, 4): left, top, right, bottom of each cell's face.
        owner: (B, 196) bool, whether the cell is part of one.
    """
    logit, reach = found[:, 0].flatten(1), found[:, 1:].flatten(2).transpose(1, 2)
    x, y = (torch.from_numpy(v).flatten() for v in middles())
    west, north, east, south = reach.exp().unbind(-1)
    left, top, right, bottom = boxes.unbind(-1)
    wide = torch.minimum(east, right - x) + torch.minimum(west, x - left)
    tall = torch.minimum(south, bottom - y) + torch.minimum(north, y - top)
    shared = wide.clamp(min=0) * tall.clamp(min=0)
    union = (west + east) * (north + south) + (right - left) * (bottom - top) - shared
    missed = 1 - (shared / union.clamp(min=1e-6))
    return functional.binary_cross_entropy_with_logits(logit, owner.float()) + missed[owner].mean()
