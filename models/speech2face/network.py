"""From voice prints to a face embedding, and to what a voice says of gender and age.

Oh et al. 2019, "Speech2Face: Learning the Face Behind a Voice", arXiv:1905.09773: between a frozen voice encoder and
a frozen face encoder and decoder only this is learnt.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from models.common import weights
from models.faces import embedding
from models.speech2face import prints

WEIGHTS = weights.FOLDER / "speech2face.safetensors"

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
    """The network: one linear layer. A hidden layer, kernels and a contrastive loss did no better on so few people."""

    def __init__(self) -> None:
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
        self.gender = nn.Linear(prints.SIZE, 1)
        self.age = nn.Linear(prints.SIZE, len(GROUPS))

    def scaled(self, voice: Tensor) -> Tensor:
        """Bring every number of a print to mean 0 and deviation 1 over people: (B, P) -> (B, P)."""
        return (voice - self.middle) / self.spread

    def forward(self, x: Tensor) -> Tensor:
        """Guess face embeddings: scaled prints (B, P) -> (B, 128)."""
        return torch.as_tensor(self.mean_face + self.reach * self.linear(x))

    def guess(self, voice: Tensor) -> Guess:
        """Guess one person's face: prints (K, P) of K stretches of speech, whose answers are averaged."""
        x = self.scaled(voice)
        female = torch.sigmoid(self.gender(x).mean())
        age = self.age(x).mean(0).softmax(-1)
        return Guess(self(x).mean(0), female, age)


def load_voice_to_face(path: Path = WEIGHTS) -> VoiceToFace:
    """Load the shipped weights; errors as `weights.filled`."""
    return weights.filled(VoiceToFace(), path)
