"""Train captioning.

    python -m models.train.vision.train_captioning --data DIR --cache DIR --out FILE --minutes N [--resume]

Every next word of Flickr8k's captions is learnt given the words before it (cross-entropy), with the doubly stochastic
penalty of Xu et al., equation 14. FILE gets the averaged weights whenever they write the best dev captions so far
(BLEU-4, beam 3), FILE-N those of each look at dev, FILE.jsonl the curve, FILE.ckpt what is needed to go on.
`models/train/vision/reward.py` goes on from there.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from models.common.eight_bits import pack
from models.train.data.flickr8k import flickr8k, grids, mirrored
from models.train.vision.evaluate_captioning import captions_of, figures
from models.vision.captioning import LONGEST, CaptionNet
from models.vision.image_encoder import Grids
from models.vision.vocabulary import END, PADDING, START, Vocabulary

LEAST = 5
"""Times a word must occur."""

CHUNK = 24
"""Batches among which pictures are sorted by the length of their captions."""


def encode_captions(
    vocabulary: Vocabulary, captions: list[list[str]], turn: dict[int, int], longest: int = LONGEST
) -> Tensor:
    """Number all captions, (N, 5, longest + 2): start, words, end, padding; each picture's longest first.

    A caption of more words loses the rest and its end. `turn` says which words stand for which others.
    """
    coded = torch.full((len(captions), 5, longest + 2), PADDING)
    for picture, sentences in enumerate(captions):
        rows = sorted((vocabulary.encode(sentence) for sentence in sentences), key=len, reverse=True)
        for k, row in enumerate(rows):
            words = [turn.get(word, word) for word in row]
            line = [START, *words, END] if len(words) <= longest else [START, *words[: longest + 1]]
            coded[picture, k, : len(line)] = torch.tensor(line)
    return coded


class Batch(NamedTuple):
    """Some pictures.

    Attributes:
        grids: Of B pictures.
        captions: (B, 5, T) as `encode_captions` makes them.
        pictures: Their B numbers.
        mirrored: Whether left and right are swapped in each.
    """

    grids: Grids
    captions: Tensor
    pictures: list[int]
    mirrored: list[bool]


class Material:
    """Pictures, straight and mirrored, with their captions.

    Args:
        data: The data's folder.
        cache: Folder for the encoder's grids.
        captions: Of the pictures to train on, up to five each, and of those to look at; as people wrote them if None.
        vocabulary: Words; None to take those that occur often enough.
        longest: Words that are learnt of a caption.
    """

    def __init__(
        self,
        data: Path,
        cache: Path,
        captions: tuple[list[list[str]], list[list[str]]] | None = None,
        vocabulary: Vocabulary | None = None,
        longest: int = LONGEST,
    ) -> None:
        (pictures, written), (dev, dev_written) = flickr8k(data, "train"), flickr8k(data, "dev")
        self.captions, self.dev_captions = captions or (written, dev_written)
        if vocabulary is None:
            vocabulary = Vocabulary.of((one for five in self.captions for one in five), LEAST)
        self.vocabulary, self.longest = vocabulary, longest
        self.stored = [grids(pictures, cache / "train"), grids(mirrored(pictures), cache / "train-mirrored")]
        (left,), (right,) = vocabulary.encode("left"), vocabulary.encode("right")
        self.turn = {left: right, right: left}
        """What to say of a mirrored picture."""
        self.coded = [encode_captions(vocabulary, self.captions, turn, longest) for turn in ({}, self.turn)]
        self.dev = grids(dev, cache / "dev")

    def epoch(self, rows: int, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield all pictures once, `rows` at a time, each straight or mirrored by chance."""
        order = rng.permutation(len(self.captions))
        flipped = rng.random(len(order)) < 0.5
        words = (self.coded[0] != PADDING).sum(2)
        batches = []
        for at in range(0, len(order), rows * CHUNK):
            # Similar lengths together, so that little of a batch idles.
            part = sorted(order[at : at + rows * CHUNK], key=lambda i: (int(words[i, 0]), int(words[i].sum())))
            batches += [part[i : i + rows] for i in range(0, len(part), rows)]
        for index in rng.permutation(len(batches)):
            chosen = [int(i) for i in batches[index]]
            mirror = [bool(flipped[i]) for i in chosen]
            coded = torch.stack([self.coded[m][i] for m, i in zip(mirror, chosen, strict=True)])
            yield Batch(self._grids(chosen, mirror), coded[:, :, : int(words[chosen].max())], chosen, mirror)

    def _grids(self, chosen: list[int], mirror: list[bool]) -> Grids:
        def gather(name: int) -> Tensor:
            kept = [self.stored[m][name][i] for m, i in zip(mirror, chosen, strict=True)]
            return torch.from_numpy(np.stack(kept)).bfloat16()

        return Grids(gather(0), gather(1))


def loss_of(net: CaptionNet, seen: Grids, captions: Tensor, smoothing: float, penalty: float) -> tuple[Tensor, float]:
    """Return what is minimised, and the plain cross-entropy a word in nats.

    The doubly stochastic penalty asks of every place to be looked at about as much as any other over a sentence:
    sum over places of (1 - attention summed over words)^2 (Xu et al., equation 14), its mean here.
    """
    scores, attention = net(seen, captions)
    wanted = captions[:, :, 1:]
    wanted = wanted[wanted != PADDING]
    scores = scores.float()
    whole = scores.logsumexp(1)
    right = scores.gather(1, wanted.unsqueeze(1)).squeeze(1)
    smoothed = (whole - (1 - smoothing) * right - smoothing * scores.mean(1)).mean()
    evenly = (1 - attention.sum(2)).pow(2).mean()
    return smoothed + penalty * evenly, float((whole - right).detach().mean())


@torch.no_grad()
def average(mean: CaptionNet, net: CaptionNet, step: int, most: float) -> None:
    """Average the weights of the last few hundred steps."""
    keep = min(most, (1 + step) / (10 + step))
    for slow, fast in zip(mean.parameters(), net.parameters(), strict=True):
        slow.lerp_(fast, 1 - keep)


def save(path: Path, net: CaptionNet, vocabulary: Vocabulary) -> None:
    """Write weights in eight bits with their words; the file is whole at any time."""
    temporary = path.with_suffix(".tmp")
    save_file(pack(net.state_dict()), temporary, vocabulary.metadata())
    temporary.replace(path)


def validate(net: CaptionNet, material: Material) -> dict[str, float]:
    """Return figures of the dev captions at beam 3."""
    net.eval()
    found = figures(captions_of(net, material.vocabulary, material.dev, 3, material.longest), material.dev_captions)
    return {name: round(value, 4) for name, value in found.items()}


class CaptioningTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.material = self.read(options)
        self.net = CaptionNet(len(self.material.vocabulary), dropout=options.dropout)
        # Begin from how frequent words are, which would take the first epoch to learn.
        counts = self.material.coded[0][:, :, 1:].flatten().bincount(minlength=len(self.material.vocabulary))
        counts[PADDING] = 0
        with torch.no_grad():
            self.net.bias.copy_((counts + 1.0).log() - (counts + 1.0).log().mean())
        self.mean = copy.deepcopy(self.net)
        self.optimiser = torch.optim.AdamW(
            self.net.parameters(), options.rate, betas=(0.9, 0.98), weight_decay=options.decay, fused=True
        )
        self.step, self.epochs, self.spent, self.best = 0, 0, 0.0, 0.0
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            self._take_up()

    def read(self, options: argparse.Namespace) -> Material:
        """Return what is learnt from."""
        return Material(options.data, options.cache)

    def _take_up(self) -> None:
        past = torch.load(self.checkpoint, weights_only=True)
        self.net.load_state_dict(past["net"])
        self.mean.load_state_dict(past["mean"])
        self.optimiser.load_state_dict(past["optimiser"])
        self.step, self.epochs, self.spent, self.best = (past[k] for k in ("step", "epochs", "spent", "best"))
        torch.manual_seed(self.options.seed + self.step)

    def save(self) -> None:
        """Write all that is needed to go on."""
        state = {part: getattr(self, part).state_dict() for part in ("net", "mean", "optimiser")}
        state |= {name: getattr(self, name) for name in ("step", "epochs", "spent", "best")}
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def rate(self) -> float:
        """Return the learning rate: a short rise, then half a cosine over the minutes."""
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        rise = min(1.0, (self.step + 1) / 60)
        return float(self.options.rate * rise * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01))

    def train_step(self, batch: Batch) -> float:
        """Train on one batch; return the cross-entropy."""
        self.net.train()
        with torch.autocast("cpu", torch.bfloat16):
            loss, plain = loss_of(self.net, batch.grids, batch.captions, self.options.smoothing, self.options.penalty)
        self.descend(loss)
        return plain

    def descend(self, loss: Tensor) -> None:
        """Take one step of the optimiser."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate()
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        average(self.mean, self.net, self.step, self.options.memory)
        self.step += 1

    def run(self) -> None:
        """Train until the minutes are spent; dev after every epoch (or `batches`) from `quiet` on."""
        limit = self.options.minutes * 60
        while self.spent < limit:
            begin, already, losses = time.process_time(), self.spent, []
            epoch = self.material.epoch(self.options.rows, np.random.default_rng([1, self.step]))
            for batch in islice(epoch, self.options.batches):
                losses.append(self.train_step(batch))
                self.spent = already + time.process_time() - begin
                if self.spent > limit:
                    break
            self.epochs += 1
            line: dict[str, float] = {"epoch": self.epochs, "loss": round(sum(losses) / len(losses), 4)}
            if self.epochs > self.options.quiet:
                line |= validate(self.mean, self.material)
                point = self.options.out.with_stem(f"{self.options.out.stem}-{self.epochs}")
                save(point, self.mean, self.material.vocabulary)
                if line["BLEU-4"] > self.best:
                    self.best = line["BLEU-4"]
                    save(self.options.out, self.mean, self.material.vocabulary)
            self.spent = already + time.process_time() - begin
            line["minutes"] = round(self.spent / 60, 2)
            self.save()
            with self.options.out.with_suffix(".jsonl").open("a") as file:
                file.write(json.dumps(line) + "\n")
            print(line, flush=True)


def options_parser(about: str) -> argparse.ArgumentParser:
    """Return the options of every run."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the encoder's grids (2.4 GB)")
    parser.add_argument("--out", type=Path, required=True, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, required=True, help="of processor time, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--rows", type=int, default=20, help="pictures a batch, each with five captions")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--decay", type=float, default=0.05)
    parser.add_argument("--dropout", type=float, default=0.4)
    parser.add_argument("--smoothing", type=float, default=0.1)
    parser.add_argument("--penalty", type=float, default=0.5, help="weight of looking everywhere")
    parser.add_argument("--memory", type=float, default=0.9985, help="of the averaged weights, a step")
    parser.add_argument("--batches", type=int, help="between two looks at dev; an epoch if not given")
    parser.add_argument("--quiet", type=int, default=2, help="epochs before the first look at dev")
    parser.add_argument("--seed", type=int, default=0)
    return parser


def main() -> None:
    """Run the command line."""
    options = options_parser(__doc__ or "").parse_args()
    torch.set_num_threads(1)
    CaptioningTrainer(options).run()


if __name__ == "__main__":
    main()
