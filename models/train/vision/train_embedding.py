"""Train the joint embedding.

    python -m models.train.vision.train_embedding --data DIR --out FILE --minutes N [--resume]

Flickr8k's 6,000 training pictures with five captions each, and short phrases cut out of the captions, since people
search for "red car" and not for a sentence. The grids of the frozen image encoder are worked out once into --cache.
Everything that a later run needs is in FILE.ckpt, the curve in FILE.jsonl; FILE is written when the averaged weights
find more of the 1,000 dev pictures than before. `--evaluate FILE` prints the figures of the card instead.
"""

from __future__ import annotations

import argparse
import copy
import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from models.common.phrases import chunks
from models.train.data.flickr8k import StoredGrids, flickr8k, grids, mirrored
from models.train.vision.picture_places import components, reduced
from models.vision.embed import REDUCED, Embedding, load_embedding, padded
from models.vision.vocabulary import UNKNOWN, Vocabulary, tokenise

LEAST = 3
"""Times a word has to occur in the training captions to be known."""

Captions = list[list[list[str]]]
"""Of every picture five lists of words."""

EVERY = 100
"""Steps between looks at dev."""

_UNKNOWN_WORD = 0.05
"""Share of words hidden while training."""

_HIDDEN_PLACE = 0.25


def captions_of(data: Path, cache: Path, split: Literal["train", "dev"]) -> tuple[list[StoredGrids], Captions]:
    """Read one part: its grids, of the training part with those of the mirror images, and its captions' words."""
    pictures, captions = flickr8k(data, split)
    versions = [grids(pictures, cache / split)]
    if split == "train":
        versions.append(grids(mirrored(pictures), cache / "train-mirrored"))
    return versions, [[tokenise(text) for text in five] for five in captions]


def said_of(captions: Captions, vocabulary: Vocabulary) -> Tensor:
    """Say which words, (N, words) bool, any caption of a picture has."""
    said = torch.zeros(len(captions), len(vocabulary), dtype=torch.bool)
    for row, five in zip(said, captions, strict=True):
        row[[number for words in five for number in vocabulary.encode(" ".join(words))]] = True
    return said


def contrast(image: Tensor, text: Tensor, sharpness: Tensor, also: Tensor | None = None) -> Tensor:
    """Return the cross-entropy of finding the right picture among those of the batch, and the right text.

    Args:
        image: (B, D) unit length.
        text: (B, D) unit length; row i tells of picture i.
        sharpness: Logarithm of the factor on the similarities.
        also: (B, B) bool, texts (rows) that are true of further pictures (columns): these count as neither right
            nor wrong.
    """
    score = sharpness.exp() * text @ image.T
    if also is not None:
        score = score.masked_fill(also & ~torch.eye(len(score), dtype=torch.bool), -torch.inf)
    right = torch.arange(len(score))
    return 0.5 * (functional.cross_entropy(score, right) + functional.cross_entropy(score.T, right))


@torch.inference_mode()
def image_points(net: Embedding, seen: Tensor) -> Tensor:
    """Return points (N, 384) of pictures (N, 49, 512)."""
    return torch.cat([net.pictures(seen[at : at + 250].float()) for at in range(0, len(seen), 250)])


@torch.inference_mode()
def text_points(net: Embedding, vocabulary: Vocabulary, texts: list[str]) -> Tensor:
    """Return points (N, 384) of all texts."""
    numbers = [vocabulary.encode(text) or [UNKNOWN] for text in texts]
    return torch.cat([net.text(padded(numbers[at : at + 500])) for at in range(0, len(numbers), 500)])


def recall(image: Tensor, text: Tensor) -> dict[str, float]:
    """Return how often the right one is among the first 1, 5, 10.

    Args:
        image: (N, D) points of pictures.
        text: (5 N, D) points of captions, those of the first picture first.

    Returns:
        Percent: `find_K` (the picture of a caption), `tell_K` (any of a picture's captions), and their sum as `sum`.
    """
    score, per = text @ image.T, len(text) // len(image)
    owner = torch.arange(len(text)) // per
    find = (score > score.gather(1, owner[:, None])).sum(1)
    own = score.T.reshape(len(image), len(image), per)[torch.arange(len(image)), torch.arange(len(image))]
    tell = (score.T > own.amax(1, keepdim=True)).sum(1)
    figures = {f"find_{k}": 100 * (find < k).float().mean().item() for k in (1, 5, 10)}
    figures |= {f"tell_{k}": 100 * (tell < k).float().mean().item() for k in (1, 5, 10)}
    return figures | {"sum": sum(figures.values())}


class EmbeddingTrainer:
    """One training run, which may be stopped and taken up again.

    Args:
        options: As the command line gives them.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        torch.manual_seed(options.seed)
        self.random = random.Random(options.seed)
        (plain, mirror), self.captions = captions_of(options.data, options.cache, "train")
        (dev,), captions = captions_of(options.data, options.cache, "dev")
        self.dev_sentences = [" ".join(words) for five in captions for words in five]
        sentences = [" ".join(words) for five in self.captions for words in five]
        self.vocabulary = Vocabulary.of(sentences, LEAST)
        self.said = said_of(self.captions, self.vocabulary)
        self.phrases = [[cut for words in five for cut in chunks(words)] for five in self.captions]
        self.net = Embedding(len(self.vocabulary))
        reduce = components(plain, REDUCED, range(0, len(self.captions), 6))
        self.seen = [reduced(reduce, stored) for stored in (plain, mirror)]
        self.dev = reduced(reduce, dev)
        self.net.image.reduce = reduce.requires_grad_(False)
        self.mean = copy.deepcopy(self.net).requires_grad_(False)
        self.optimiser = torch.optim.AdamW(self._learnt(), options.rate, betas=(0.9, 0.98), weight_decay=0.05)
        self.step, self.spent, self.best = 0, 0.0, 0.0
        self.checkpoint = options.out.with_suffix(".ckpt")
        if options.resume and self.checkpoint.exists():
            past = torch.load(self.checkpoint, weights_only=True)
            for name in ("net", "mean", "optimiser"):
                getattr(self, name).load_state_dict(past[name])
            self.step, self.spent, self.best = past["step"], past["spent"], past["best"]
            # Not the same draws again.
            self.random.seed(options.seed + self.step)

    def _learnt(self) -> list[nn.Parameter]:
        return [parameter for parameter in self.net.parameters() if parameter.requires_grad]

    def save(self) -> None:
        """Write all that is needed to go on."""
        state = {name: getattr(self, name).state_dict() for name in ("net", "mean", "optimiser")}
        state |= {"step": self.step, "spent": self.spent, "best": self.best}
        temporary = self.checkpoint.with_suffix(".part")
        torch.save(state, temporary)
        temporary.replace(self.checkpoint)

    def _numbers(self, words: list[str]) -> list[int]:
        numbers = self.vocabulary.encode(" ".join(words)) or [UNKNOWN]
        return [UNKNOWN if self.random.random() < _UNKNOWN_WORD else number for number in numbers]

    def _phrase(self, row: int) -> list[str]:
        found = self.phrases[row]
        words = self.random.choice(found) if found else self.random.choice(self.captions[row])
        return [self.random.choice(("a", "the")), *words] if self.random.random() < 0.2 else words

    def train_step(self) -> float:
        """Train on one batch; return the loss."""
        progress = min(1.0, self.spent / (self.options.minutes * 60))
        warm = min(1.0, (self.step + 1) / 50)
        for group in self.optimiser.param_groups:
            group["lr"] = self.options.rate * warm * (0.5 * (1 + math.cos(math.pi * progress)) + 0.01)
        rows = torch.tensor(self.random.sample(range(len(self.captions)), self.options.rows))
        x = self.random.choice(self.seen)[rows]
        captions = [self._numbers(self.random.choice(self.captions[row])) for row in rows.tolist()]
        phrases = [self._numbers(self._phrase(row)) for row in rows.tolist()]
        named = torch.zeros(len(rows), len(self.vocabulary))
        for row, numbers in zip(named, phrases, strict=True):
            row[[number for number in numbers if number != UNKNOWN]] = 1
        also = (named @ self.said[rows].T.float()) == named.sum(1, keepdim=True)
        with torch.autocast("cpu", torch.bfloat16):
            image = self.net.image(x, torch.rand(x.shape[:2]) > _HIDDEN_PLACE)
            text = self.net.text(padded(captions + phrases))
        whole, part = text.split(len(rows))
        loss = contrast(image, whole, self.net.sharpness)
        loss = loss + 0.4 * contrast(image, part, self.net.sharpness, also)
        self.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 2.0)
        self.optimiser.step()
        with torch.no_grad():
            self.net.sharpness.clamp_(1.0, 3.7)
            keep = min(0.995, (1 + self.step) / (10 + self.step))
            for slow, fast in zip(self.mean.parameters(), self.net.parameters(), strict=True):
                slow.lerp_(fast, 1 - keep)
        self.step += 1
        return float(loss.detach())

    @torch.inference_mode()
    def validate(self) -> dict[str, float]:
        """Return figures of the averaged weights on dev; write them if they are the best so far."""
        self.mean.eval()
        self.mean.settle(self.seen[0][::6].float())
        figures = recall(image_points(self.mean, self.dev), text_points(self.mean, self.vocabulary, self.dev_sentences))
        if figures["sum"] > self.best:
            self.best = figures["sum"]
            weights = {name: value.half().contiguous() for name, value in self.mean.state_dict().items()}
            save_file(weights, self.options.out, self.vocabulary.metadata())
        return figures

    def run(self) -> None:
        """Train until the minutes are spent."""
        begin, already = time.process_time(), self.spent
        losses: list[float] = []
        while self.spent < self.options.minutes * 60:
            losses.append(self.train_step())
            self.spent = already + time.process_time() - begin
            if len(losses) == EVERY or self.spent >= self.options.minutes * 60:
                line = {
                    "step": self.step,
                    "minutes": self.spent / 60,
                    "loss": sum(losses) / len(losses),
                    **self.validate(),
                }
                line = {name: round(value, 2) for name, value in line.items()}
                with self.options.out.with_suffix(".jsonl").open("a") as file:
                    file.write(json.dumps(line) + "\n")
                print(line, flush=True)
                losses = []
                self.save()


def short_queries(
    net: Embedding, vocabulary: Vocabulary, captions: Captions
) -> Iterator[tuple[str, list[str], Tensor, Tensor]]:
    """Return the 50 most frequent phrases of one and of two words.

    Yields:
        What they are, they themselves, their points (50, 384), and (50, N) bool: which pictures have all the words in
        their captions.
    """
    said = [{word for words in five for word in words} for five in captions]
    for name, size in (("one word", 1), ("two words", 2)):
        cuts = (cut for five in captions for words in five for cut in chunks(words) if len(cut) == size)
        queries = [" ".join(cut) for cut, _ in Counter(map(tuple, cuts)).most_common(50)]
        right = torch.tensor([[set(query.split()) <= words for words in said] for query in queries])
        yield name, queries, text_points(net, vocabulary, queries), right


def shares_over(least: float, score: Tensor, right: Tensor, wrong: Tensor) -> tuple[float, float]:
    """Return how many of the right ones and of the wrong ones score more than `least`, percent."""
    passed, other = (100 * (score[which] > least).float().mean().item() for which in (right, wrong))
    return passed, other


def captions_alike(points: Tensor) -> Iterator[tuple[float, float, float]]:
    """Compare captions with each other, five of each picture, given their points (N, 384).

    Yields:
        A similarity; how many pairs of captions of one picture are above it, and how many of two pictures, percent.
    """
    alike, same = points @ points.T, torch.arange(len(points))[:, None] // 5 == torch.arange(len(points)) // 5
    own = same & ~torch.eye(len(points), dtype=torch.bool)
    for least in (0.4, 0.5, 0.6):
        yield least, *shares_over(least, alike, own, ~same)


def evaluate(options: argparse.Namespace) -> None:
    """Print the figures of weights on dev."""
    net, vocabulary = load_embedding(options.evaluate)
    (stored,), captions = captions_of(options.data, options.cache, "dev")
    sentences = [" ".join(words) for five in captions for words in five]
    image = image_points(net, reduced(net.image.reduce, stored))
    text = text_points(net, vocabulary, sentences)
    for name, value in recall(image, text).items():
        print(f"{name}: {value:.1f} %")
    short = list(short_queries(net, vocabulary, captions))
    for name, _, points, right in short:
        first = (points @ image.T).topk(10).indices
        print(f"of the first ten, {name}: {100 * right.gather(1, first).float().mean():.1f} % right ", end="")
        print(f"(by chance {100 * right.float().mean():.1f} %)")
    print("queries | similarity | of the right pictures pass | of the others")
    owner = torch.arange(len(text))[:, None] // 5 == torch.arange(len(image))
    for name, _, points, right in (("captions", [], text, owner), *short):
        score = points @ image.T
        for least in (0.25, 0.3, 0.35, 0.4):
            passed, other = shares_over(least, score, right, ~right)
            print(f"{name} | {least} | {passed:.1f} % | {other:.2f} %")
    for least, passed, other in captions_alike(text):
        print(f"two captions of one picture | {least} | {passed:.1f} % | {other:.2f} %")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for the encoder's grids")
    parser.add_argument("--out", type=Path, help="averaged weights, .safetensors")
    parser.add_argument("--minutes", type=float, default=12.0, help="of one core, in all, over every resumption")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--rows", type=int, default=256, help="pictures a batch")
    parser.add_argument("--rate", type=float, default=1e-3, help="highest learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=Path, help="weights to measure instead of training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.evaluate:
        evaluate(options)
    elif options.out:
        EmbeddingTrainer(options).run()
    else:
        parser.error("--out or --evaluate is needed")


if __name__ == "__main__":
    main()
