"""Pictures and sentences as points of one space, near each other where they tell of the same thing.

Pictures come as the image encoder's grids, reduced to their principal components. Each of a few attention heads looks
at some places of the grid, and a plain mean at all of them. Texts are a weighted mean of their words, each seen with
its two neighbours, so that a single word is as good a query as a whole sentence. Sources: Faghri et al., "VSE++",
BMVC 2018 (the space); Radford et al., "Learning transferable visual models", ICML 2021 (the loss, in
`models/train/vision/train_embedding.py`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.common import weights
from models.vision.image_encoder import MIDDLE, TOP
from models.vision.vocabulary import PADDING, Vocabulary

WEIGHTS = weights.FOLDER / "embed.safetensors"
SIZE = 384
"""Numbers of a vector."""

PLACES = 49
CHANNELS = TOP + MIDDLE
REDUCED = 512
"""Principal components of a place."""

_LIKE_TOP = 0.25
"""Brings the deviation of the fine grid's numbers to that of the coarse grid's."""

_HEADS = 4
_WORD = 256


def places(middle: Tensor, top: Tensor) -> Tensor:
    """Join both grids as one list of places.

    Args:
        middle: (B, 112, 14, 14), or (B, 112, 7, 7) if already averaged.
        top: (B, 1280, 7, 7).

    Returns:
        (B, 49, 1392), row by row.
    """
    if middle.shape[-1] != top.shape[-1]:
        middle = functional.avg_pool2d(middle, 2)
    return torch.cat([top, middle * _LIKE_TOP], dim=1).flatten(2).transpose(1, 2)


class ImageSide(nn.Module):
    """Grid places -> point."""

    def __init__(self) -> None:
        super().__init__()
        self.reduce = nn.Linear(CHANNELS, REDUCED)
        self.look = nn.Linear(REDUCED, _HEADS)
        self.heads = nn.Parameter(torch.randn(_HEADS, REDUCED, SIZE // _HEADS) / REDUCED**0.5)
        self.whole = nn.Linear(REDUCED, SIZE)
        self.drop = nn.Dropout(0.3)

    def forward(self, reduced: Tensor, seen: Tensor | None = None) -> Tensor:
        """Project pictures.

        Args:
            reduced: (B, 49, 512) places after `reduce`.
            seen: (B, 49) bool, places that count; all if not given.

        Returns:
            (B, 384) of unit length.
        """
        score = self.look(reduced).float()
        evenly = torch.zeros_like(score[..., :1])
        score = torch.cat([score, evenly], dim=-1)
        if seen is not None:
            score = score.masked_fill(~seen[..., None], -torch.inf)
        pooled = self.drop(torch.softmax(score, dim=1).to(reduced.dtype).transpose(1, 2) @ reduced)
        parts = torch.einsum("bhc,hcd->bhd", pooled[:, :_HEADS], self.heads).flatten(1)
        return functional.normalize((parts + self.whole(pooled[:, _HEADS])).float(), dim=-1)


class TextSide(nn.Module):
    """Word numbers -> point.

    Args:
        words: size of the vocabulary.
    """

    def __init__(self, words: int) -> None:
        super().__init__()
        self.words = nn.Embedding(words, _WORD, padding_idx=PADDING)
        self.bare = nn.Linear(_WORD, SIZE)
        self.context = nn.Conv1d(_WORD, SIZE, 3, padding=1)
        self.look = nn.Linear(SIZE, 1)
        self.out = nn.Linear(SIZE, SIZE)
        self.drop = nn.Dropout(0.2)

    def forward(self, numbers: Tensor) -> Tensor:
        """Project texts.

        Args:
            numbers: (B, T) int64 word numbers, padded at the end, at least one word each.

        Returns:
            (B, 384) of unit length.
        """
        words = self.drop(self.words(numbers))
        beside = functional.gelu(self.context(words.transpose(1, 2)).transpose(1, 2))
        x = self.bare(words) + beside
        score = self.look(x).float().masked_fill((numbers == PADDING)[..., None], -torch.inf)
        pooled = (torch.softmax(score, dim=1).to(x.dtype) * x).sum(1)
        return functional.normalize(self.out(self.drop(pooled)).float(), dim=-1)


class Embedding(nn.Module):
    """Both sides.

    `centre` (384,) is taken from every picture's point, so that by chance the similarity to any text is about 0; it
    is measured after training.

    Args:
        words: size of the vocabulary.
    """

    def __init__(self, words: int) -> None:
        super().__init__()
        self.image, self.text = ImageSide(), TextSide(words)
        self.sharpness = nn.Parameter(torch.tensor(2.7))
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(SIZE))

    def pictures(self, reduced: Tensor) -> Tensor:
        """Return points of pictures: (B, 49, 512) after `image.reduce` -> (B, 384) of unit length."""
        return functional.normalize(self.image(reduced) - self.centre, dim=-1)

    def settle(self, reduced: Tensor) -> None:
        """Measure `centre` on pictures (N, 49, 512) of anything."""
        self.centre.copy_(self.image(reduced).mean(0))


def padded(sentences: list[list[int]]) -> Tensor:
    """Pad the word numbers of sentences, none of them empty, to (B, T)."""
    table = torch.full((len(sentences), max(len(numbers) for numbers in sentences)), PADDING)
    for row, numbers in zip(table, sentences, strict=True):
        row[: len(numbers)] = torch.tensor(numbers)
    return table


def load_embedding(path: Path = WEIGHTS) -> tuple[Embedding, Vocabulary]:
    """Load the network with trained weights (fp16 on disk, float32 in memory), and its words.

    Raises:
        FileNotFoundError: the weights are not there.
    """
    vocabulary = Vocabulary.stored(path)
    net = weights.filled(Embedding(len(vocabulary)), path)
    return net, vocabulary
