"""Time of an answer, an embedding and a search: `python -m bench.ask`.

What answers are worth: `python -m bench.ask --data DIR --blind FILE`, with the folder of the sets that the card names,
and weights trained without the picture (`models/weights/vqa.md`).
"""

from __future__ import annotations

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from bench.page import publish, table
from models.vision.embed_runtime import JointEmbedding
from models.vision.image_runtime import ImageRuntime
from models.vision.vqa import WEIGHTS
from models.vision.vqa_runtime import Answerer
from streamer.transcripts.search_index import LINES, PICTURES, SearchIndex

QUERIES = ("red car", "a man with a guitar", "dog", "budget", "somebody at the whiteboard")
QUESTIONS = ("what is on the table", "is anybody wearing a hat", "what colour is the sofa in front of the window")
SYLLABLES = ("bu", "dget", "ta", "ble", "re", "view", "mo", "ney", "plan", "er")


def cpu_ms(work: Callable[[int], object], times: int) -> float:
    """Median CPU time of a call, in milliseconds; what else the machine does counts little in it."""
    taken = []
    for i in range(times + 3):
        begin = time.process_time()
        work(i)
        taken.append(1000 * (time.process_time() - begin))
    return float(np.median(taken[3:]))


def full_index(size: int) -> SearchIndex:
    """As much as is ever held: pictures by chance, lines of ten words of some thousand."""
    rng, moments = np.random.default_rng(0), SearchIndex()
    vectors = rng.standard_normal((LINES, size)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for i in range(PICTURES):
        moments.add_picture(f"p{i % 8}", 4.0 * i, vectors[i], bytes(5000))
    for i in range(LINES):
        words = ("".join(rng.choice(SYLLABLES, rng.integers(1, 5))) for _ in range(10))
        moments.add_words(f"p{i % 8}", None, float(i), " ".join(words), vectors[i])
    return moments


def worth(data: Path, cache: Path, blind: Path) -> None:
    """Publish how many answers are right, by the kind of question."""
    # Of the extra that only training needs.
    from models.train.vision.evaluate_vqa import HEAD, evaluate

    rows = evaluate(data, cache, WEIGHTS, blind)
    publish("ask_answers", "python -m bench.ask --data DIR --blind FILE", table(list(HEAD), rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, help="folder of the sets: measure answers instead of times")
    parser.add_argument("--cache", type=Path, default=Path("/tmp/pictures"), help="folder for the encoder's grids")
    parser.add_argument("--blind", type=Path, help="weights that see the question only")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.data and options.blind:
        worth(options.data, options.cache, options.blind)
    else:
        times()


def times() -> None:
    """Publish CPU times."""
    encoder, embedding, answerer = ImageRuntime(), JointEmbedding(), Answerer()
    picture = np.random.default_rng(0).integers(0, 255, (1, 224, 224, 3), np.uint8)
    grids = encoder.encode(picture)
    moments = full_index(JointEmbedding.SIZE)
    vectors = embedding.text(list(QUERIES))
    rows: list[tuple[str, Callable[[int], object], int]] = [
        (
            "the image encoder's grids of a picture (shared by all that look at it)",
            lambda i: encoder.encode(picture),
            50,
        ),
        ("vector of a picture from its grids", lambda i: embedding.image(grids), 100),
        ("vector of a query or of a spoken line", lambda i: embedding.text([QUERIES[i % 5]]), 100),
        ("answer to a question from the grids", lambda i: answerer.answer(grids, [QUESTIONS[i % 3]]), 100),
        (
            f"search of {moments.pictures:,} pictures and {moments.lines:,} lines",
            lambda i: moments.search(vectors[i % 5], QUERIES[i % 5]),
            100,
        ),
    ]
    figures = [[name, f"{cpu_ms(work, times):.1f} ms"] for name, work, times in rows]
    publish("ask", "python -m bench.ask", table(["one thread, median CPU time", ""], figures))


if __name__ == "__main__":
    main()
