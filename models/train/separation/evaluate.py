"""How well weights separate people never trained on: `python -m models.train.separation.evaluate --data DIR --write`.

Measures the shipped weights (`--weights FILE` others, more than one to compare, the first in full) by condition,
against the mixture and an ideal ratio mask; the word error rate of the live captions; the time of a step by chunk
length. Prints Markdown and, with `--write`, puts it into RESULTS.md. `--quick` measures only what weights are chosen
by. Whole conversations: `python -m bench.conversations`.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

import torch

from models.separation.runtime import WEIGHTS
from models.train.separation import pace, report, targets, word_errors
from models.train.separation.report import Groups, Results
from models.train.separation.systems import System, figures_of, ideal_ratio_mask, mixture, network, with_cues
from models.train.separation.trials import Condition, Maker


@dataclass
class Measured:
    """Figures of all systems, and who the wanted talkers of each condition's scenes are."""

    results: Results = field(default_factory=dict)
    groups: Groups = field(default_factory=dict)

    def add(self, name: str, system: System, condition: str, scenes: Condition, cued: bool, deep: bool) -> None:
        """Measure one system in one condition, with each cue if it is `cued`; `deep` with PESQ and STOI."""
        for trial in scenes.trials:
            for cue in scenes.cues if cued else ("both",):
                scene = with_cues(trial.scene, cue)
                for figure, values in figures_of(system(scene), scene, deep).items():
                    self.results.setdefault((name, condition, cue), {}).setdefault(figure, []).extend(values)
        self.groups[condition] = [number for trial in scenes.trials for number in trial.wanted]


def measure(maker: Maker, networks: dict[str, System], quick: bool) -> Measured:
    """Measure all conditions.

    Args:
        maker: Of the scenes.
        networks: Separators by name; the first is measured in every condition.
        quick: Leave out the comparisons, the further conditions, PESQ and STOI.
    """
    measured, first = Measured(), next(iter(networks))
    for condition, scenes in maker.main().items():
        for name, system in networks.items():
            measured.add(name, system, condition, scenes, True, not quick)
        if quick or condition in ("alone", "silent face"):
            continue
        measured.add("mixture", mixture, condition, scenes, False, True)
        measured.add("ideal ratio mask", ideal_ratio_mask, condition, scenes, False, True)
    for condition, scenes in {} if quick else maker.more().items():
        measured.add("mixture", mixture, condition, scenes, False, True)
        measured.add(first, networks[first], condition, scenes, True, True)
    return measured


def text_of(options: argparse.Namespace) -> str:
    """Measure and put into words."""
    maker = Maker(options.data, options.split, options.scenes)
    networks = {path.stem: network(path) for path in options.weights}
    measured = measure(maker, networks, options.quick)
    first, every = next(iter(networks)), list(dict.fromkeys(name for name, _, _ in measured.results))
    parts = [
        f"{options.scenes} scenes a condition, {len(maker.everybody)} talkers of the list {options.split!r}; "
        "in brackets 95 % intervals (bootstrap over talkers).\n",
    ]
    comparison = report.comparison(measured.results, measured.groups, every)
    quiet = report.quiet_and_alone(measured.results, measured.groups, list(networks))
    if options.quick:
        return "\n".join([*parts, comparison, quiet])
    errors = word_errors.word_error_table({first: networks[first]}, maker.everybody[: options.voices], options.words)
    times = pace.table(options.weights[0])
    parts += ["### Targets\n", targets.table(measured.results, first, errors, times)]
    parts += ["### By condition\n", report.conditions(measured.results, measured.groups, first)]
    parts += ["### Silent and alone\n", quiet, "### Against others\n", comparison]
    parts += [f"### Words, at 0 dB beside {options.voices} other voices\n", report.word_errors(errors)]
    parts += ["### Time of a step\n", report.paces(times)]
    if torch.cuda.is_available():
        parts.append(f"Rows a batch within 20 ms on this GPU: {pace.rows_in_time(options.weights[0])}.\n")
    return "\n".join(parts)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, nargs="+", default=[WEIGHTS])
    parser.add_argument("--split", choices=("dev", "test"), default="test")
    parser.add_argument("--scenes", type=int, default=40, help="of each condition")
    parser.add_argument("--voices", type=int, default=4, help="who talk over the sentences")
    parser.add_argument("--words", type=Path, default=word_errors.READ, help="folder of sentences and their words")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--write", action="store_true", help="put the tables into RESULTS.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    text = text_of(options)
    print(text)
    if options.write:
        report.write(text)
    print(f"{sum(os.times()[:2]) / 60:.1f} core-minutes")


if __name__ == "__main__":
    main()
