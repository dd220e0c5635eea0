"""From voice prints to a face embedding, and to what a voice says of gender and age.

Oh et al. 2019, "Speech2Face: Learning the Face Behind a Voice", arXiv:1905.09773: between a frozen voice encoder and
a frozen face encoder and decoder only this is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.common import weights
from models.faces import embedding
from models.speech2face import prints

WEIGHTS = weights.FOLDER / "speech2face.safetensors"

WIDTH = 256
"""Cells of the hidden layer."""

AGES = (18, 30, 45, 60)
"""Years at which a group of age begins, after the first."""

GROUPS = ("under 18", "18 to 29", "30 to 44", "45 to 59", "60 and over")
"""The groups of age, named."""


@dataclass(frozen=True)
class Guess:
    """What one voice says.

    Attributes:
        embedding: (128,) of a face, as far from the mean face as faces are.
        female: () probability.
        age: (5,) probabilities of `GROUPS`.
    """

    embedding: Tensor
    female: Tensor
    age: Tensor


class VoiceToFace(nn.Module):
    """A linear way and one hidden layer beside it.

    Args:
        width: cells of the hidden layer.
    """

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.middle: Tensor
        self.spread: Tensor
        self.mean_face: Tensor
        self.reach: Tensor
        self.register_buffer("middle", torch.zeros(prints.SIZE))
        self.register_buffer("spread", torch.ones(prints.SIZE))
        self.register_buffer("mean_face", torch.zeros(embedding.SIZE))
        self.register_buffer("reach", torch.ones(()))
        self.linear = nn.Linear(prints.SIZE, embedding.SIZE, bias=False)
        self.hidden = nn.Linear(prints.SIZE, width)
        self.out = nn.Linear(width, embedding.SIZE, bias=False)
        self.gender = nn.Linear(prints.SIZE, 1)
        self.age = nn.Linear(prints.SIZE, len(GROUPS))

    def scaled(self, voice: Tensor) -> Tensor:
        """Bring every number of a print to mean 0 and deviation 1 over people: (B, P) -> (B, P)."""
        return (voice - self.middle) / self.spread

    def forward(self, x: Tensor) -> Tensor:
        """Guess face embeddings, less the mean face: scaled prints (B, P) -> (B, 128)."""
        return torch.as_tensor(self.linear(x) + self.out(F.gelu(self.hidden(x))))

    def guess(self, voice: Tensor) -> Guess:
        """Guess one person's face: prints (K, P) of K stretches of speech, whose answers are averaged."""
        x = self.scaled(voice)
        off = self(x).mean(0)
        female = torch.sigmoid(self.gender(x).mean())
        age = self.age(x).mean(0).softmax(-1)
        return Guess(self.mean_face + self.reach * off, female, age)


def load_voice_to_face(path: Path = WEIGHTS) -> VoiceToFace:
    """Load the shipped weights; errors as `weights.filled`."""
    return weights.filled(VoiceToFace(), path)
