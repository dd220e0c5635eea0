"""The joint embedding as the product uses it: the image encoder's grids and typed texts in, vectors out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.common.arrays import F32
from models.common.phrases import content_words
from models.vision.embed import SIZE, WEIGHTS, load_embedding, padded, places
from models.vision.image_runtime import GridArrays
from models.vision.vocabulary import UNKNOWN, tokenise

LONGEST = 40
"""Words of a text that count; no caption it was trained on has more."""


class JointEmbedding:
    """Pictures and texts as vectors of one space.

    The inner product of a text with a picture is about 0 for one that has nothing to do with it, and 0.3 and more for
    a find (the card says what passes); of two texts, 0.5 and more where they mean the same.
    The process that uses this should hold torch to one thread.

    Args:
        weights: path of the weights.

    Raises:
        FileNotFoundError: the weights are not there.
    """

    SIZE = SIZE

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._net, self._vocabulary = load_embedding(weights)

    @torch.inference_mode()
    def image(self, grids: GridArrays) -> F32:
        """Embed pictures.

        Args:
            grids: middle (B, 112, 14, 14) and top (B, 1280, 7, 7), as `ImageRuntime.encode` gives them.

        Returns:
            (B, 384) of unit length.
        """
        seen = places(torch.from_numpy(grids.middle), torch.from_numpy(grids.top))
        result: F32 = self._net.pictures(self._net.image.reduce(seen)).numpy()
        return result

    @torch.inference_mode()
    def text(self, texts: list[str]) -> F32:
        """Embed texts, from a word to a sentence.

        A text is as long as the share of its content words that are known. One none of whose words is known gives
        zeros: it is near to nothing.

        Args:
            texts: B of them, English; only the first 40 words count.

        Returns:
            (B, 384), none longer than 1.
        """
        vectors = np.zeros((len(texts), SIZE), np.float32)
        shares = [self._known(text) for text in texts]
        rows = [row for row, share in enumerate(shares) if share > 0]
        if rows:
            points = self._net.text(padded([self._numbers(texts[row]) for row in rows]))
            vectors[rows] = points.numpy() * np.array([shares[row] for row in rows], np.float32)[:, None]
        return vectors

    def _numbers(self, text: str) -> list[int]:
        return self._vocabulary.encode(text)[:LONGEST]

    def _known(self, text: str) -> float:
        """Return the share of the words that the network knows, small words aside unless there is nothing else."""
        words = tokenise(text)[:LONGEST]
        numbers = [self._numbers(word) for word in content_words(words) or words]
        known = [bool(part) and UNKNOWN not in part for part in numbers]
        return sum(known) / len(known) if known else 0.0
