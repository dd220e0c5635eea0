"""Whose face it is, as 128 numbers: dlib's face recognition network.

A residual network of 29 layers over an aligned picture of 150 x 150; King 2017, "High Quality Face Recognition with
Deep Metric Learning" (blog.dlib.net), after He et al. 2015, "Deep residual learning for image recognition",
arXiv:1512.03385. Each convolution has its scale and shift folded in.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights

SIDE = 150
"""Pixels of the aligned picture."""

SIZE = 128
"""Numbers of an embedding."""

MEAN = (122.782, 117.001, 104.298)
"""Of red, green and blue, taken off before pixels are divided by 256."""

STAGES = ((32, 3, False), (64, 4, True), (128, 3, True), (256, 3, True), (256, 1, True))
"""Channels and blocks of each stage, and whether its first block halves the picture."""


class Block(nn.Module):
    """Two convolutions beside a shortcut.

    Args:
        channels: that come in.
        wider: that go out; the shortcut is filled up with zeros.
        halve: whether both ways halve the picture.
    """

    def __init__(self, channels: int, wider: int, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.first = nn.Conv2d(channels, wider, 3, 2 if halve else 1, 0 if halve else 1)
        self.second = nn.Conv2d(wider, wider, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Run: (B, channels, S, S) -> (B, wider, S or S // 2, …)."""
        y = self.second(F.relu(self.first(x)))
        if self.halve:
            x = F.avg_pool2d(x, 2)
            missing = x.shape[3] - y.shape[3]  # of an even side the unpadded convolution makes one less
            y = F.pad(y, (0, missing, 0, missing))
            x = F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
        return F.relu(x + y)


class FaceEmbedding(nn.Module):
    """The network."""

    def __init__(self) -> None:
        super().__init__()
        width = STAGES[0][0]
        self.stem = nn.Conv2d(3, width, 7, 2)
        blocks = []
        for wider, count, halve in STAGES:
            blocks += [Block(width if i == 0 else wider, wider, halve and i == 0) for i in range(count)]
            width = wider
        self.blocks = nn.ModuleList(blocks)
        self.embed = nn.Linear(width, SIZE, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Embed pictures (B, 3, 150, 150), normalised by `MEAN` and 256: (B, 128), compared by Euclidean distance."""
        x = F.max_pool2d(F.relu(self.stem(x)), 3, 2)
        for block in self.blocks:
            x = block(x)
        return torch.as_tensor(self.embed(x.mean((2, 3))))


def load_face_embedding() -> FaceEmbedding:
    """Load the shipped weights: whole numbers of 8 bits, as they were published, and a scale for each output.

    Raises:
        FileNotFoundError: they are not there.
    """
    stored = weights.tensors(weights.FOLDER / "face_embedding.safetensors")
    net = FaceEmbedding()
    for name, layer in net.named_modules():
        if not isinstance(layer, nn.Conv2d | nn.Linear):
            continue
        whole, zero, scale = (stored[f"{name}.{part}"] for part in ("whole", "zero", "scale"))
        layer.weight.data = (whole - zero) * scale.view(-1, *[1] * (whole.dim() - 1))
        if layer.bias is not None:
            layer.bias.data = stored[f"{name}.bias"]
    return net.eval().requires_grad_(False)
