"""What looks like what is heard, where nothing moves with the sound: names of sounds joined with looks of places.

A dog is heard by name (YAMNet), and each place of the picture is asked whether it looks like a dog, by a linear layer
on the image encoder's coarse grid. Source of asking places what a classifier of whole pictures knows: Zhou et al.,
"Learning deep features for discriminative localization", CVPR 2016, section 2 (class activation mapping).
"""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor, nn

from models.common.arrays import F32
from models.localization.attention import GRID
from models.vision.image_encoder import TOP


def _to(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


SOURCES: dict[str, tuple[int, ...]] = {
    "dog": (*_to(69, 75), 117),
    "cat": _to(76, 80),
    "bird": (*_to(93, 102), *_to(106, 115)),
    "horse": (82, 83, 84),
    "cow": (85, 86, 87),
    "pig": (88, 89),
    "sheep": (90, 91, 92),
    "big cat": (104, 105),
    "frog": (127, 128),
    "insect": _to(121, 126),
    "vehicle": (294, *_to(300, 321), 337, *_to(342, 347), 390),
    "train": _to(322, 328),
    "aircraft": _to(329, 334),
    "boat": _to(295, 299),
    "instrument": (24, *_to(132, 194), *_to(203, 276)),
    "telephone": _to(383, 388),
    "keyboard": (378, 379, 380),
    "clock": (389, 400, 401, 402),
    "vacuum cleaner": (371,),
    "hair dryer": (367,),
    "mower": (340,),
    "chainsaw": (341, 415),
    "drill": (339, *_to(416, 419)),
    "hammer": (413,),
    "sewing machine": (405,),
    "fan": (406,),
    "gun": (421, 422, 423),
    "printer": (409,),
    "fountain": _to(282, 289),
    "children": (1, 10, 14, 20, 29, 66),
}
"""What is known by look, and which of YAMNet's 521 sounds it makes."""


ENOUGH = 0.35
"""Of `looks_like`, from which something to be seen is taken for the source; chosen on composed dev scenes."""


class SourceLooks(nn.Module):
    """For each place, whether it looks like each of `SOURCES`."""

    def __init__(self) -> None:
        super().__init__()
        self.named = nn.Linear(TOP, len(SOURCES))

    def forward(self, top: Tensor) -> Tensor:
        """Look at places (..., 1280) of the coarse grid -> logits (..., 30)."""
        named: Tensor = self.named(top)
        return named


def heard_sources(sounds: F32) -> F32:
    """Return how likely each of `SOURCES` is heard, (30,), from probabilities of the sounds (521,)."""
    return np.array([sounds[list(classes)].max() for classes in SOURCES.values()], np.float32)


def seen_sources(logits: F32) -> F32:
    """Return how likely each cell shows each of `SOURCES`: (7, 7, 30) -> (14, 14, 30)."""
    fine = cv2.resize(np.ascontiguousarray(logits), (GRID, GRID), interpolation=cv2.INTER_LINEAR)
    return np.asarray(1 / (1 + np.exp(-np.clip(fine, -30, 30))), np.float32)


def looks_like(named: F32, seen: F32) -> F32:
    """Return how surely each cell shows what is heard, (14, 14) of 0..1: the likeliest of the sources it may be.

    Args:
        named: (30,), of `heard_sources`.
        seen: (14, 14, 30), of `seen_sources`.
    """
    # The root: YAMNet is careful about sounds from afar, and a look that fits is the surer of the two.
    return np.asarray((np.sqrt(named) * seen).max(axis=-1), np.float32)
