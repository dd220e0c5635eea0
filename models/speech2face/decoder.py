"""From a face embedding to a picture: frontal, neutral, on white ground.

A face is what it looks like in the mean face's shape, and a flow that gives it its own shape, both linear in the
embedding: an active appearance model (Cootes, Edwards and Taylor 1998, "Active appearance models") whose parameters
are those of a recognition network, as in Cole et al. 2017, "Synthesizing normalized faces from facial identity
features", arXiv:1701.04851.
"""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights
from models.faces.embedding import SIZE

WEIGHTS = weights.FOLDER / "speech2face_decoder.safetensors"

SIDE = 96
"""Pixels of the picture: eyes at 0.39 of the height, 0.345 of the side apart."""

COLOUR = 24
"""Pixels a side of the differences of colour, which may be coarse: the eye sees detail in light alone."""

GRID = 24
"""Points a side at which the flow is known."""

RANK = 48
"""Directions of the embedding that the picture shows."""

TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))
"""Red, green and blue from light and two differences of colour (JFIF)."""


class FaceDecoder(nn.Module):
    """The network: 0.7 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.code = nn.Linear(SIZE, RANK)
        self.light = nn.Linear(RANK, SIDE * SIDE)
        self.colour = nn.Linear(RANK, 2 * COLOUR * COLOUR)
        self.flow = nn.Linear(RANK, 2 * GRID * GRID)
        self.to_rgb: Tensor
        self.places: Tensor
        self.register_buffer("to_rgb", torch.tensor(TO_RGB), persistent=False)
        self.register_buffer("places", _places(), persistent=False)

    def forward(self, embedding: Tensor) -> Tensor:
        """Draw: (B, 128) -> (B, 3, 96, 96), red, green and blue from 0 to 1."""
        code = self.code(embedding)
        light = self.light(code).view(-1, 1, SIDE, SIDE)
        colour = _enlarged(self.colour(code).view(-1, 2, COLOUR, COLOUR))
        texture = torch.einsum("rc,bchw->brhw", self.to_rgb, torch.cat([light, colour], dim=1))
        flow = _enlarged(self.flow(code).view(-1, 2, GRID, GRID)).permute(0, 2, 3, 1)
        shaped = F.grid_sample(texture, self.places + flow, "bicubic", "border", align_corners=False)
        return torch.as_tensor(shaped.clamp(0, 1))


def _enlarged(x: Tensor) -> Tensor:
    return F.interpolate(x, (SIDE, SIDE), mode="bilinear", align_corners=False)


def _places() -> Tensor:
    """The middle of every pixel, (1, 96, 96, 2): x and y, -1 and 1 at the edges of the picture."""
    middles = (2 * torch.arange(SIDE) + 1) / SIDE - 1
    y, x = torch.meshgrid(middles, middles, indexing="ij")
    return torch.stack([x, y], dim=-1)[None]


def load_face_decoder(path: Path = WEIGHTS) -> FaceDecoder:
    """Load the shipped weights; errors as `weights.filled`."""
    return weights.filled(FaceDecoder(), path)
