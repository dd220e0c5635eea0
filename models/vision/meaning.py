"""Texts for the search of a call: near the pictures they tell of, and near lines that mean the same.

The joint embedding (`embed_runtime.py`) knows the words that it was taught. Where the extra `meaning` is installed,
MiniLM (`sentences.py`) knows the others too: a linear map takes its vectors into the space of the pictures, where both
are added up; lines that somebody said are compared as MiniLM sees them.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np

from models.common import weights
from models.common.arrays import F32
from models.vision.embed_runtime import JointEmbedding
from models.vision.sentences import SentenceEncoder, installed

WEIGHTS = weights.FOLDER / "meaning.safetensors"

FIND, LIKE = 0.5, 0.35
"""Similarity from which a line is found, and the one that MiniLM gives a query and a line of which that is so."""


class Meaning:
    """MiniLM, and its way to the pictures.

    Args:
        path: of the weights: the map, the pieces of words, and by how much similarities are made smaller.

    Raises:
        FileNotFoundError: the weights or the extra are not there.
    """

    def __init__(self, path: Path = WEIGHTS) -> None:
        stored = weights.tensors(path)
        self.encode = SentenceEncoder(unpacked(stored["pieces"].numpy().astype(np.uint8)))
        self._weight, self._bias = stored["map.weight"].numpy(), stored["map.bias"].numpy()
        self.scale = float(stored["scale"])

    def pictures(self, vectors: F32) -> F32:
        """Take MiniLM's vectors (B, 384) to where pictures are that show what they tell: (B, 384) of unit length."""
        return unit(vectors @ self._weight.T + self._bias)


class QueryEmbedding:
    """Texts as vectors.

    Args:
        joint: the embedding of pictures and texts.
        meaning: MiniLM; None does without.
    """

    def __init__(self, joint: JointEmbedding, meaning: Meaning | None) -> None:
        self._joint, self._meaning = joint, meaning

    @classmethod
    def best(cls, joint: JointEmbedding) -> QueryEmbedding:
        """Make one with whatever is installed."""
        return cls(joint, Meaning() if installed() else None)

    def pictures(self, texts: list[str]) -> F32:
        """Return vectors (B, 384), none longer than 1, to be compared with those of pictures (see `JointEmbedding`)."""
        taught = self._joint.text(texts)
        if self._meaning is None or not texts:
            return taught
        return self._meaning.scale * unit(taught + self._meaning.pictures(self._meaning.encode(texts)))

    def lines(self, texts: list[str]) -> F32:
        """Return vectors (B, 384) of lines that somebody said, none longer than 1."""
        return self._joint.text(texts) if self._meaning is None else self._meaning.encode(texts)

    def asked(self, texts: list[str]) -> F32:
        """Return vectors (B, 384) of what is searched for: the inner product with a line is 0.5 and more for a find."""
        return self.lines(texts) if self._meaning is None else np.float32(FIND / LIKE) * self._meaning.encode(texts)


def packed(pieces: list[str]) -> np.ndarray:
    """Store pieces of words as bytes: (N,) uint8."""
    return np.frombuffer(zlib.compress("\n".join(pieces).encode(), 9), np.uint8)


def unpacked(stored: np.ndarray) -> list[str]:
    """Return pieces of words that were stored by `packed`."""
    return zlib.decompress(stored.tobytes()).decode().split("\n")


def unit(vectors: F32) -> F32:
    """Return vectors (B, D) at unit length; zeros stay."""
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9), np.float32)
