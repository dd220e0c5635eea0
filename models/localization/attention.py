"""Which part of the picture makes the sound, learned without labels: attention of the sound over a grid of the picture.

Two ways to tell: what looks like the sound (appearance), and what moves with it (synchrony). Source: Senocak et al.,
"Learning to localize sound source in visual scenes", CVPR 2018, section 3 (attention by inner products, attended
feature by weighted sum pooling); synchrony after Chung and Zisserman, "Out of time", ACCV 2016.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.localization.band_levels import BANDS
from models.localization.motion import CHANNELS
from models.vision.image_encoder import MIDDLE, TOP

GRID = 14
"""Cells a side."""

BINS = 36
"""Steps of 40 ms that are heard and seen: 1.44 s."""

FRAMES = 4 * BINS
"""Of the sound's band levels in that time."""

SYNC, MEANING = 24, 64
"""Numbers of an embedding: of one step of synchrony, of what it is."""

WIDE = 0.3
"""Share of likeness that steers attention: with all of it, only the most telling part of a thing would be learned."""

QUIET = 100.0
"""Squared size of an embedding over time below which little is said about synchrony."""


class Heard(NamedTuple):
    """A sound: `rhythm` (B, SYNC * BINS) of length up to 1, `meaning` (B, MEANING) of length 1."""

    rhythm: Tensor
    meaning: Tensor


class Seen(NamedTuple):
    """A picture: `rhythm` (B, 196, SYNC * BINS) of lengths up to 1, `meaning` (B, 196, MEANING) of length 1."""

    rhythm: Tensor
    meaning: Tensor


def _soft_unit(x: Tensor) -> Tensor:
    """Return x without its mean over time, of a length near 1 unless there was little: (..., C, T) -> (..., C * T)."""
    x = (x - x.mean(dim=-1, keepdim=True)).flatten(-2)
    return x / (x.square().sum(dim=-1, keepdim=True) + QUIET).sqrt()


class Ear(nn.Module):
    """Band levels of a window to rhythm and meaning."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(2, 24, 5, 2, 2), nn.BatchNorm2d(24), nn.ReLU(),
            nn.Conv2d(24, 48, 3, 2, 1), nn.BatchNorm2d(48), nn.ReLU(),
            nn.Conv2d(48, 64, 3, (1, 2), 1), nn.BatchNorm2d(64), nn.ReLU(),
        )  # fmt: skip
        wide = 64 * BANDS // 8
        self.rhythm = nn.Sequential(
            nn.Conv2d(wide, 96, (3, 1), padding=(1, 0)), nn.BatchNorm2d(96), nn.ReLU(), nn.Conv2d(96, SYNC, 1)
        )
        self.meaning = nn.Sequential(nn.Conv2d(wide, 96, (3, 1), padding=(1, 0)), nn.BatchNorm2d(96), nn.ReLU())
        self.words = nn.Linear(2 * 96, MEANING)

    def forward(self, levels: Tensor) -> Heard:
        """Listen.

        Args:
            levels: Shape (B, FRAMES, BANDS), dB.
        """
        x = (levels + 50) / 20
        x = torch.stack([x, x - x.mean(dim=1, keepdim=True)], dim=1)
        x = self.body(x)
        x = x.transpose(2, 3).flatten(1, 2)[..., None]
        rhythm = _soft_unit(self.rhythm(x)[..., 0])
        words = self.meaning(x)[..., 0]
        meaning = self.words(torch.cat([words.mean(dim=2), words.amax(dim=2)], dim=1))
        return Heard(rhythm, functional.normalize(meaning, dim=1))


class Eye(nn.Module):
    """Motion and appearance of each cell to rhythm and meaning."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.Sequential(nn.Conv2d(CHANNELS, 24, 4, 2, 1), nn.BatchNorm2d(24), nn.ReLU())
        self.rhythm = nn.Sequential(
            nn.Conv2d(24, 32, (5, 1), padding=(2, 0)), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, 32, (5, 1), padding=(4, 0), dilation=(2, 1)), nn.BatchNorm2d(32), nn.ReLU(),
            nn.Conv2d(32, SYNC, 1),
        )  # fmt: skip
        self.near, self.far = nn.Conv2d(MIDDLE, 96, 1), nn.Conv2d(TOP, 96, 1)
        self.looks = nn.Sequential(
            nn.BatchNorm2d(96), nn.ReLU(), nn.Conv2d(96, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU()
        )
        self.words = nn.Conv2d(64, MEANING, 1)

    def forward(self, motion: Tensor, middle: Tensor, top: Tensor) -> Seen:
        """Look.

        Args:
            motion: Shape (B, BINS, 4, 28, 28), see `models.localization.motion`.
            middle: Shape (B, 112, 14, 14), of the image encoder.
            top: Shape (B, 1280, 7, 7), of the image encoder.
        """
        batch = len(motion)
        x = self.cell(motion.flatten(0, 1)).unflatten(0, (batch, BINS)).flatten(3)
        rhythm = self.rhythm(x.transpose(1, 2))
        rhythm = _soft_unit(rhythm.permute(0, 3, 1, 2))
        wide = functional.interpolate(self.far(top), scale_factor=2.0, mode="bilinear")
        looks = self.words(self.looks(self.near(middle) + wide)).flatten(2).transpose(1, 2)
        return Seen(rhythm, functional.normalize(looks, dim=2))


class SoundAttention(nn.Module):
    """Ear, eye, and how much each way to tell counts."""

    def __init__(self) -> None:
        super().__init__()
        self.ear, self.eye = Ear(), Eye()
        self.sharpness = nn.Parameter(torch.tensor([10.0, 10.0]))

    def alike(self, seen: Seen, heard: Heard) -> tuple[Tensor, Tensor]:
        """Return synchrony and likeness of every picture with every sound, each (B, J, 196), sharpened."""
        sync = torch.einsum("bck,jk->bjc", seen.rhythm, heard.rhythm) * self.sharpness[0]
        meaning = torch.einsum("bck,jk->bjc", seen.meaning, heard.meaning) * self.sharpness[1]
        return sync, meaning


def attended(x: Tensor, attention: Tensor | None = None) -> Tensor:
    """Return the inner product of the sound with the attended feature: a weighted mean over the cells.

    Args:
        x: inner products with each cell's feature, (..., 196).
        attention: logits of the weights; `x` itself if None.
    """
    return ((x if attention is None else attention).softmax(dim=-1) * x).sum(dim=-1)
