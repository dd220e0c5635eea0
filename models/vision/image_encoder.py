"""EfficientNet-Lite0 without its classifier: what a picture shows, on a fine and on a coarse grid.

Batch norms are folded into the convolutions, since the network is used as it was trained. Source: Tan and Le,
"EfficientNet", ICML 2019, table 1; the Lite variant has ReLU6, no squeeze-and-excitation, and a fixed stem and head.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.common import weights
from models.common.arrays import U8

SIZE = 224
"""Pixels of either side of the square picture it takes."""

MIDDLE, TOP = 112, 1280
"""Channels of the 14 x 14 and of the 7 x 7 grid."""

STAGES = (
    # repeats, kernel, stride, widening, channels out
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_MIDDLE_STAGE = 4

WEIGHTS = weights.FOLDER / "image_encoder.safetensors"


class Grids(NamedTuple):
    """What is seen where: `middle` (B, 112, 14, 14) and `top` (B, 1280, 7, 7)."""

    middle: Tensor
    top: Tensor


class SameConv(nn.Module):
    """Convolution with TensorFlow's "same" padding: at stride 2 on even sizes one pixel more at right and bottom."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, groups: int = 1, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, groups=groups)
        self.before = (kernel - stride) // 2
        self.after = kernel - stride - self.before
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (B, C, H, W)."""
        if self.after:
            x = functional.pad(x, (self.before, self.after, self.before, self.after))
        x = self.conv(x)
        return functional.relu6(x) if self.relu else x


class InvertedBottleneck(nn.Module):
    """Widen, convolve each channel by itself, narrow; added to the input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        hidden = inputs * widening
        self.widen = SameConv(inputs, hidden, 1, 1) if widening > 1 else None
        self.spread = SameConv(hidden, hidden, kernel, stride, groups=hidden)
        self.narrow = SameConv(hidden, outputs, 1, 1, relu=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) -> (B, outputs, H / stride, W / stride)."""
        y = x if self.widen is None else self.widen(x)
        y = self.narrow(self.spread(y))
        result: Tensor = x + y if self.residual else y
        return result


class ImageEncoder(nn.Module):
    """The layers, by stage."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, 32, 3, 2)
        stages, inputs = [], 32
        for repeats, kernel, stride, widening, outputs in STAGES:
            blocks = []
            for i in range(repeats):
                blocks.append(InvertedBottleneck(inputs, outputs, kernel, stride if i == 0 else 1, widening))
                inputs = outputs
            stages.append(nn.Sequential(*blocks))
        self.stages = nn.ModuleList(stages)
        self.head = SameConv(inputs, TOP, 1, 1)

    def forward(self, x: Tensor) -> Grids:
        """Look at pictures.

        Args:
            x: Shape (B, 3, 224, 224), as `normalise` makes it.

        Returns:
            The grids; row 0 is the top of the picture, column 0 its left.
        """
        x = self.stem(x)
        middle = x
        for i, stage in enumerate(self.stages):
            x = stage(x)
            if i == _MIDDLE_STAGE:
                middle = x
        return Grids(middle, self.head(x))


def normalise(rgb: U8 | Tensor) -> Tensor:
    """Turn pictures (B, 224, 224, 3), uint8, into what the encoder takes: (B, 3, 224, 224) from -1 to 1."""
    pictures = torch.as_tensor(rgb)
    return (pictures.permute(0, 3, 1, 2).float() - 127.0) / 128.0


def load_image_encoder(path: Path = WEIGHTS) -> ImageEncoder:
    """Load the trained encoder, in evaluation mode, float32."""
    return weights.filled(ImageEncoder(), path)
