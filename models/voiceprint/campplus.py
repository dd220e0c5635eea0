"""CAM++: how a person sounds, as 192 numbers, from a second or more of that person alone.

A few two-dimensional convolutions over log mel energies, then densely connected layers over time, each of which weighs
its channels by what the whole stretch and the two seconds around sound like; mean and deviation over time; one linear
layer. Wang et al. 2023, "CAM++: A Fast and Efficient Network for Speaker Verification Using Context-Aware Masking",
arXiv:2303.00332. Batch norms are folded into the convolution before them, where there is one.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights
from models.common.fbank import BANDS

SIZE = 192
"""Numbers of an embedding."""

SEGMENT = 100
"""Frames of 20 ms that share a mask."""

CHANNELS = 32  # of the two-dimensional part
GROWTH = 32  # channels that a dense layer adds
BOTTLENECK = 128
BLOCKS = ((12, 1), (24, 2), (16, 2))  # layers and dilation of each dense block


class Residual(nn.Module):
    """Two convolutions beside a shortcut.

    Args:
        stride: along the bands; 1 leaves the shortcut as it is.
    """

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(CHANNELS, CHANNELS, 3, (stride, 1), 1)
        self.second = nn.Conv2d(CHANNELS, CHANNELS, 3, 1, 1)
        self.shortcut = nn.Conv2d(CHANNELS, CHANNELS, 1, (stride, 1)) if stride > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Run: (B, 32, bands, T) -> (B, 32, bands / stride, T)."""
        y = self.second(F.relu(self.first(x)))
        return F.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class ScaleRelu(nn.Module):
    """A batch norm with no convolution before it, as scale and shift, and a rectifier."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Run: (B, C, T) -> (B, C, T)."""
        return F.relu(torch.addcmul(self.shift[:, None], x, self.scale[:, None]))


class DenseLayer(nn.Module):
    """A layer that adds 32 channels, masked by their context.

    Args:
        channels: that come in.
        dilation: of the convolution over time.
    """

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.enter = ScaleRelu(channels)
        self.narrow = nn.Conv1d(channels, BOTTLENECK, 1)
        self.local = nn.Conv1d(BOTTLENECK, GROWTH, 3, padding=dilation, dilation=dilation, bias=False)
        self.squeeze = nn.Conv1d(BOTTLENECK, BOTTLENECK // 2, 1)
        self.excite = nn.Conv1d(BOTTLENECK // 2, GROWTH, 1)

    def forward(self, x: Tensor, means: Tensor, spread: Tensor) -> Tensor:
        """Run: (B, C, T) -> (B, C + 32, T).

        Args:
            x: what the layers before made.
            means: (T, S), see `segments`.
            spread: (S, T).
        """
        y = F.relu(self.narrow(self.enter(x)))
        context = y @ means
        mask = torch.sigmoid(self.excite(F.relu(self.squeeze(context)))) @ spread
        return torch.cat([x, self.local(y) * mask], dim=1)


class Campplus(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, CHANNELS, 3, 1, 1)
        self.residuals = nn.ModuleList(Residual(stride) for stride in (2, 1, 2, 1))
        self.close = nn.Conv2d(CHANNELS, CHANNELS, 3, (2, 1), 1)
        width = BOTTLENECK
        self.enter = nn.Conv1d(CHANNELS * BANDS // 8, width, 5, 2, 2)
        self.blocks, self.transits = nn.ModuleList(), nn.ModuleList()
        for layers, dilation in BLOCKS:
            self.blocks.append(nn.ModuleList(DenseLayer(width + i * GROWTH, dilation) for i in range(layers)))
            width += layers * GROWTH
            self.transits.append(nn.Sequential(ScaleRelu(width), nn.Conv1d(width, width // 2, 1, bias=False)))
            width //= 2
        self.leave = ScaleRelu(width)
        self.embed = nn.Linear(2 * width, SIZE)

    def forward(self, features: Tensor) -> Tensor:
        """Embed stretches of equal length.

        Args:
            features: (B, T, 80) of `fbank`, the mean over T removed; T >= 3.

        Returns:
            (B, 192), of any length.
        """
        x = F.relu(self.stem(features.transpose(1, 2)[:, None]))
        for residual in self.residuals:
            x = residual(x)
        x = F.relu(self.enter(F.relu(self.close(x)).flatten(1, 2)))
        means, spread = segments(x.shape[2])
        for block, transit in zip(self.blocks, self.transits, strict=True):
            assert isinstance(block, nn.ModuleList)
            for layer in block:
                x = layer(x, means, spread)
            x = transit(x)
        x = self.leave(x)
        return torch.as_tensor(self.embed(torch.cat([x.mean(2), x.std(2)], dim=1)))


def segments(frames: int) -> tuple[Tensor, Tensor]:
    """What the context of a frame is: the mean of the whole stretch plus that of the frame's segment, as matrices.

    Args:
        frames: T, of 20 ms.

    Returns:
        (T, S) that makes S contexts of T frames, and (S, T) that gives each frame its segment's.
    """
    which = torch.arange(frames) // SEGMENT
    spread = F.one_hot(which).T.float()
    return spread.T / spread.sum(1) + 1 / frames, spread


def load_campplus() -> Campplus:
    """Load the shipped weights.

    Raises:
        FileNotFoundError: they are not there.
    """
    return weights.filled(Campplus(), weights.FOLDER / "campplus.safetensors")
