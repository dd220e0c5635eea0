"""Captioning as the observer uses it: numpy arrays in, descriptions out; and whether a scene is a new one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.common.arrays import F32
from models.vision.captioning import SIDE, WEIGHTS, load_caption_net, write
from models.vision.image_encoder import Grids
from models.vision.image_runtime import GridArrays
from models.vision.vocabulary import sentence

CHANGED = 0.25
"""Cosine distance of two pictures' `gist` from which on they count as different scenes."""


@dataclass(frozen=True)
class SceneText:
    """What a picture shows, in a sentence.

    Attributes:
        text: The sentence, lower case, no full stop.
        words: Its words.
        attention: (T, 14, 14) where was looked for each word, row by row from the top left; sums to 1 for each.
        score: Mean log-probability a word, the end counted.
    """

    text: str
    words: tuple[str, ...]
    attention: F32
    score: float

    def peaks(self) -> list[tuple[float, float]]:
        """Return where most was looked for each word: (x, y), fractions of the picture from its top left."""
        places = self.attention.reshape(len(self.words), -1).argmax(1) if self.words else np.empty(0, int)
        return [((place % SIDE + 0.5) / SIDE, (place // SIDE + 0.5) / SIDE) for place in places.tolist()]


class Captioner:
    """Describes pictures that the image encoder has looked at.

    The process that uses this should hold torch to one thread (`torch.set_num_threads(1)`).

    Args:
        weights: Path of the weights.
    """

    def __init__(self, weights: Path = WEIGHTS) -> None:
        self._net, self._vocabulary = load_caption_net(weights)

    def caption(self, grids: GridArrays, beam: int = 3) -> list[SceneText]:
        """Write one sentence a picture.

        Args:
            grids: Of B pictures, as `ImageRuntime.encode` gives them.
            beam: Sentences kept while searching; 1 is quickest.

        Returns:
            B descriptions.

        Raises:
            ValueError: `beam` is below 1.
        """
        if len(grids.top) == 0:
            return []
        seen = Grids(torch.from_numpy(grids.middle), torch.from_numpy(grids.top))
        descriptions = []
        for found in write(self._net, seen, beam):
            words = tuple(self._vocabulary.decode(found.words))
            attention = found.remembered.numpy().reshape(-1, SIDE, SIDE)
            descriptions.append(SceneText(sentence(words), words, attention, found.score))
        return descriptions


def gist(grids: GridArrays) -> F32:
    """Return what a picture shows, wherever it stands: (B, 1280) of unit length."""
    pooled = grids.top.mean(axis=(2, 3))
    size = np.linalg.norm(pooled, axis=1, keepdims=True)
    return np.asarray(pooled / np.maximum(size, 1e-6), np.float32)


def changed(previous: F32, new: F32, least: float = CHANGED) -> bool:
    """Return whether a picture shows another scene than the one described last.

    Args:
        previous: (1280,) a row of `gist`, of the picture that was described.
        new: (1280,) the same of the picture now.
        least: Cosine distance, 0 to 1, from which on it is another scene.

    Returns:
        True if it should be described anew.
    """
    return float(1 - previous @ new) >= least
