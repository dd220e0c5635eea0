"""How good captions are: BLEU-1 to 4 and CIDEr-D on the 1,000 dev pictures, by the package pycocoevalcap.

    python -m models.train.vision.evaluate_captioning --data DIR --cache DIR [--weights FILE] [--beams 1 3 5]

Both sides are tokenised by `models.vision.vocabulary.tokenise`; references keep the words that the writer does not
know.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from pycocoevalcap.bleu.bleu_scorer import BleuScorer
from pycocoevalcap.cider.cider_scorer import CiderScorer

from models.train.data.flickr8k import StoredGrids, flickr8k, grids
from models.vision.captioning import LONGEST, WEIGHTS, CaptionNet, load_caption_net, write
from models.vision.image_encoder import Grids
from models.vision.vocabulary import Vocabulary, tokenise

ROWS = 50


def figures(captions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Score one caption a picture against all its references.

    Args:
        captions: N sentences.
        references: N lists of sentences.

    Returns:
        "BLEU-1" to "BLEU-4" (corpus level, closest reference length), "CIDEr", "words" a caption, and "different",
        the share of captions that differ from all others.
    """
    bleu, cider = BleuScorer(n=4), CiderScorer(n=4)
    for caption, truths in zip(captions, references, strict=True):
        pair = (" ".join(tokenise(caption)), [" ".join(tokenise(truth)) for truth in truths])
        bleu += pair
        cider += pair
    scores, _ = bleu.compute_score(option="closest", verbose=0)
    found = {f"BLEU-{n}": float(score) for n, score in enumerate(scores, 1)}
    found["CIDEr"] = float(cider.compute_score()[0])
    found["words"] = sum(len(tokenise(caption)) for caption in captions) / len(captions)
    found["different"] = len(set(captions)) / len(captions)
    return found


def captions_of(
    net: CaptionNet, vocabulary: Vocabulary, stored: StoredGrids, width: int, longest: int = LONGEST
) -> list[str]:
    """Return captions of all pictures whose grids are stored, tokens with spaces between them."""
    written = []
    for at in range(0, len(stored.top), ROWS):
        part = Grids(*(torch.from_numpy(np.array(file[at : at + ROWS], np.float32)) for file in stored))
        written += [" ".join(vocabulary.decode(found.words)) for found in write(net, part, width, longest)]
    return written


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True, help="folder for the encoder's grids")
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 3, 5])
    options = parser.parse_args()
    torch.set_num_threads(1)
    net, vocabulary = load_caption_net(options.weights)
    pictures, references = flickr8k(options.data, "dev")
    stored = grids(pictures, options.cache / "dev")
    for width in options.beams:
        captions = captions_of(net, vocabulary, stored, width)
        shown = "  ".join(f"{name} {value:.3f}" for name, value in figures(captions, references).items())
        print(f"beam {width}: {shown}", flush=True)


if __name__ == "__main__":
    main()
