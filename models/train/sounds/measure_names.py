"""How often a name of a sound is right: `python -m models.train.sounds.measure_names [--data DIR] [--named NAMED]`.

Prints, for every name of `models.sounds.tags`, the lowest threshold from which on nine in ten of what is said is right,
and what is right at the shipped one. See `models.train.sounds.named_scenes` for the folders.
"""

from __future__ import annotations

import argparse
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from models.common.arrays import F32, Bools
from models.sounds.runtime import SoundTagger
from models.sounds.tags import TAGS, UNKNOWN, UNMEASURED
from models.train.sounds.named_scenes import NamedScenes, named_scenes

WANTED = 0.9
"""Share of what is said that is to be right where thresholds are chosen."""

_GRID = np.arange(0.2, 0.951, 0.05)


@dataclass
class Right:
    """How one name does at one threshold.

    Attributes:
        there: scenes in which the sound is.
        said: how often the name is said, where that is known to be right or wrong.
        right: of these.
    """

    there: int
    said: int
    right: int


def truth_of(name: str, scenes: NamedScenes) -> F32:
    """Label scenes (M,): 1 there, 0 not there, NaN not known."""
    rows = zip(scenes.there, scenes.maybe, strict=True)
    return np.array([1.0 if name in there else np.nan if name in maybe else 0.0 for there, maybe in rows], np.float32)


def right_at(probability: F32, truth: F32, threshold: float) -> Right:
    """Count what is said (M,) at a threshold."""
    said = truth[(probability >= threshold) & np.isfinite(truth)]
    return Right(int((truth == 1).sum()), len(said), int(said.sum()))


def proposed(probability: F32, truth: F32) -> float:
    """Return the lowest threshold of a grid from which on `WANTED` of what is said is right at each.

    Without an example: the lowest from `UNMEASURED` on at which nothing is said.
    """
    if not (truth == 1).any():
        wrong = probability[truth == 0].max(initial=0.0)
        return float(min((t for t in _GRID if t > max(wrong, UNMEASURED - 0.01)), default=0.99))
    best = 0.95
    for threshold in _GRID[::-1]:
        counted = right_at(probability, truth, threshold)
        if counted.said and counted.right < WANTED * counted.said:
            break
        best = float(threshold)
    return best


def half_of(scenes: NamedScenes) -> Bools:
    """Split scenes (M,) by the recording they were cut from."""
    return np.array([zlib.crc32(source.encode()) % 2 == 0 for source in scenes.source])


def carried_over(probabilities: F32, scenes: NamedScenes) -> Right:
    """Choose every threshold on one half of the recordings, count on the other, both ways: all names together."""
    half, total = half_of(scenes), Right(0, 0, 0)
    for k, tag in enumerate(TAGS):
        truth = truth_of(tag.name, scenes)
        for chosen in (half, ~half):
            if not (truth[chosen] == 1).any():
                continue
            threshold = proposed(probabilities[chosen, k], truth[chosen])
            one = right_at(probabilities[~chosen, k], truth[~chosen], threshold)
            total = Right(total.there + one.there, total.said + one.said, total.right + one.right)
    return total


def probabilities_of(tagger: SoundTagger, scenes: NamedScenes) -> F32:
    """Listen to all scenes: (M, names)."""
    parts = (np.stack(scenes.sound[at : at + 8]).astype(np.float32) for at in range(0, len(scenes.sound), 8))
    return np.concatenate([tagger.probabilities(part / np.float32(32768)) for part in parts])


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--named", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenes = named_scenes(options.data, options.named)
    probabilities = probabilities_of(SoundTagger(), scenes)
    print("| name | there | proposed: said | right | threshold | shipped: said | right |")
    print("|---" * 7 + "|")
    for k, tag in enumerate(TAGS):
        truth, probability = truth_of(tag.name, scenes), probabilities[:, k]
        threshold = proposed(probability, truth)
        new, old = right_at(probability, truth, threshold), right_at(probability, truth, tag.threshold)
        print(f"| {tag.name} | {new.there} | {new.said} | {new.right} | {threshold:.2f} | {old.said} | {old.right} |")
    total = carried_over(probabilities, scenes)
    print(f"\nThresholds chosen on half of the recordings, counted on the other: {total.right} of {total.said} right.")
    thresholds = np.array([tag.threshold for tag in TAGS])
    nothing = int((probabilities < thresholds).all(axis=1).sum())
    print(f"No name ({UNKNOWN}, if it is loud): {nothing} of {len(probabilities)} scenes.")


if __name__ == "__main__":
    main()
