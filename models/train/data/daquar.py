"""DAQUAR: pictures of rooms with questions and answers, and which of them are kept apart."""

from __future__ import annotations

import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from models.common.arrays import U8

_NAME = "daquar_train"
_SWAP = {"left": "right", "right": "left"}

Split = Literal["train", "choose", "test"]


@dataclass(frozen=True)
class Question:
    """One question about a picture.

    Attributes:
        picture: Number of the picture.
        text: As it was typed, without a question mark.
        answer: As it was given; several are parted by commas, words of one by underscores.
        kind: What sort of question it is, for the figures.
    """

    picture: int
    text: str
    answer: str
    kind: str = "rooms"


def split_of(name: str) -> Split:
    """Say where a picture belongs, by its name alone: a fifth is for the figures, an eighth of the rest chooses."""
    number = zlib.crc32(name.encode())
    if number % 5 == 0:
        return "test"
    return "choose" if number // 5 % 8 == 0 else "train"


def rooms(data: Path) -> tuple[list[str], U8, list[Question]]:
    """Load the whole set.

    Args:
        data: Folder that holds `vqa/daquar_train.zip` and `.json`.

    Returns:
        Names of the pictures, the pictures (N, 224, 224, 3) uint8 RGB, and all questions.

    Raises:
        FileNotFoundError: The set is not there.
        ValueError: A picture cannot be read or has another size.
    """
    listed = json.loads((data / "vqa" / f"{_NAME}.json").read_text())
    names = sorted({one["image"] for one in listed})
    number = {name: i for i, name in enumerate(names)}
    pictures = np.empty((len(names), 224, 224, 3), np.uint8)
    with zipfile.ZipFile(data / "vqa" / f"{_NAME}.zip") as archive:
        for row, name in enumerate(names):
            picture = cv2.imdecode(np.frombuffer(archive.read(f"{name}.jpg"), np.uint8), cv2.IMREAD_COLOR)
            if picture is None or picture.shape != (224, 224, 3):
                raise ValueError(f"{name}: not a picture of 224x224")
            pictures[row] = picture[:, :, ::-1]
    return names, pictures, [Question(number[one["image"]], one["question"], one["answer"]) for one in listed]


def other_way_round(text: str) -> str:
    """Return what the question becomes in a mirror.

    >>> other_way_round("what is to the left of the bed")
    'what is to the right of the bed'
    """
    return " ".join(_SWAP.get(word, word) for word in text.split())
