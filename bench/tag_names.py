"""How often names of sounds are right: `python -m bench.tag_names --data DATA --named NAMED`.

The folders are those of `models.train.sounds.named_scenes`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from bench.page import publish, table
from models.sounds.runtime import SoundTagger
from models.sounds.tags import TAGS
from models.train.sounds.measure_names import Right, carried_over, probabilities_of, right_at, truth_of
from models.train.sounds.named_scenes import named_scenes

LIMIT, WANTED = 0.8, 40


def share(counted: Right) -> str:
    return f"{counted.right / counted.said:.2f}" if counted.said else "never said"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--named", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scenes = named_scenes(options.data, options.named)
    probabilities = probabilities_of(SoundTagger(), scenes)
    rows, without, kept = [], [], 0
    for k, tag in enumerate(TAGS):
        truth = truth_of(tag.name, scenes)
        counted = right_at(probabilities[:, k], truth, tag.threshold)
        if not counted.there:
            without.append(f"{tag.name} ({counted.said} wrong)" if counted.said else tag.name)
            continue
        kept += counted.said > 0 and counted.right >= LIMIT * counted.said
        recordings = len({s for s, t in zip(scenes.source, truth, strict=True) if t == 1})
        source = "YAMNet" if tag.label is None else "pool5"
        cells = [f"{counted.there} of {recordings}", f"{tag.threshold:.2f}", str(counted.said), share(counted)]
        rows.append([tag.name, source, *cells, f"{counted.right / counted.there:.2f}"])
    total = carried_over(probabilities, scenes)
    head = ["name", "from", "scenes, of recordings", "threshold", "said", "of them right", "of the scenes found"]
    verdict = "kept" if kept >= WANTED else "**not kept**"
    note = (
        f"{len(scenes.sound)} scenes of 4 s. Said counts where the name is known to be right or wrong: of a street "
        f"recording only the loudest sound was noted. {kept} names are right in at least {LIMIT:.0%} of what is said; "
        f"aim {WANTED}: {verdict}. The thresholds were chosen on these scenes; chosen on half of the recordings and "
        f"counted on the other, {total.right} of {total.said} are right ({share(total)}). Names without a recording at "
        f"hand, which have the careful threshold, and how often they were said here: {', '.join(without)}."
    )
    publish("tag names", "python -m bench.tag_names", table(head, rows) + f"\n\n{note}")


if __name__ == "__main__":
    main()
