"""Tables of an evaluation, in Markdown, and where they are written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from models.train.separation.metrics import interval
from models.train.separation.pace import Pace
from models.train.separation.systems import Figures
from models.train.separation.word_errors import Errors

RESULTS = Path(__file__).with_name("RESULTS.md")
BEGIN, END = "<!-- evaluate: begin -->", "<!-- evaluate: end -->"

Groups = dict[str, list[int]]
Results = dict[tuple[str, str, str], Figures]
"""(system, condition, cue) -> figures, a number a scene."""


def rows_of(head: Sequence[str], body: Iterable[Sequence[str]]) -> str:
    """Format a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in body]) + "\n"


def mean_of(values: Sequence[float] | None, digits: int = 1, groups: Sequence[int] | None = None) -> str:
    """Mean, with its 95 % interval if `groups` is given; empty for no values."""
    if not values:
        return ""
    middle = f"{np.nanmean(values):.{digits}f}"
    if groups is None:
        return middle
    low, high = interval(values, groups)
    return f"{middle} ({low:.{digits}f} to {high:.{digits}f})"


def conditions(results: Results, groups: Groups, system: str) -> str:
    """Tabulate every condition of one system."""
    head = ("scene", "cues", "SI-SDRi dB", "SDRi dB", "PESQ", "STOI", "wrong %", "scale")
    body = []
    for (name, condition, cue), figures in results.items():
        if name != system or "left" in figures or condition == "alone":
            continue
        mixed = results["mixture", condition, "both"]
        pair = [f"{mean_of(mixed.get(k), 2)} → {mean_of(figures.get(k), 2)}" for k in ("PESQ", "STOI")]
        body.append(
            (
                condition,
                cue,
                mean_of(figures["SI-SDRi"], 1, groups[condition]),
                mean_of(figures["SDRi"], 1),
                *pair,
                mean_of(figures.get("wrong"), 1),
                mean_of(figures["scale"], 2),
            )
        )
    return rows_of(head, body)


def quiet_and_alone(results: Results, groups: Groups, systems: Sequence[str]) -> str:
    """Tabulate what is left of a silent face, and what becomes of somebody alone, by system and cue."""
    head = ("system", "cues", "silent face: left dB", "alone: SI-SDR dB", "alone: worst SI-SDR dB", "alone: scale")
    body = []
    for system in systems:
        for cue in ("both", "lips", "voice"):
            left, alone = results.get((system, "silent face", cue)), results.get((system, "alone", cue))
            if left is None or alone is None:
                continue
            shown = mean_of(left["left"], 1, groups["silent face"]), mean_of(alone["SI-SDR"], 1, groups["alone"])
            body.append((system, cue, *shown, f"{min(alone['SI-SDR']):.1f}", mean_of(alone["scale"], 2)))
    return rows_of(head, body)


def comparison(results: Results, groups: Groups, systems: Sequence[str]) -> str:
    """Tabulate SI-SDRi of every system, and how often it lets the wrong one out."""
    names = ("two talkers", "three talkers", "room + noise")
    head = ("system", "cues", *(f"{name}: SI-SDRi dB" for name in names), "two talkers: wrong %", "PESQ", "STOI")
    body = []
    for system in systems:
        for cue in ("both", "lips", "voice"):
            every = [results.get((system, name, cue)) for name in names]
            if every[0] is None:
                continue
            gains = [mean_of(f["SI-SDRi"], 1, groups[name]) if f else "" for name, f in zip(names, every, strict=True)]
            two = every[0]
            shown = (mean_of(two.get("wrong"), 1), mean_of(two.get("PESQ"), 2), mean_of(two.get("STOI"), 2))
            has_cues = system not in ("mixture", "ideal ratio mask")
            body.append((system, cue if has_cues else "", *gains, *shown))
    return rows_of(head, body)


def word_errors(errors: Errors) -> str:
    """Tabulate word error rates, pooled over all scenes."""
    body = []
    for name, pairs in errors.items():
        said = sum(n for _, n in pairs)
        rates = [100 * wrong / n for wrong, n in pairs]
        low, high = interval(rates)
        pooled = 100 * sum(wrong for wrong, _ in pairs) / said
        body.append((name, f"{pooled:.0f} (scenes' mean {low:.0f} to {high:.0f})", str(said)))
    return rows_of(("heard by the captioner", "word error rate %", "words"), body)


def paces(every: Sequence[Pace]) -> str:
    """Tabulate the time of a step by chunk length."""
    head = (
        "backend",
        "faces",
        "chunk ms",
        "algorithmic latency ms",
        "CPU ms a step",
        "wall ms a step (99th percentile)",
        "real-time factor",
    )
    body = [
        (
            p.backend,
            str(p.faces),
            str(p.chunk),
            f"{p.latency:.0f}",
            f"{p.cpu:.2f}",
            f"{p.wall:.2f} ({p.slow:.2f})",
            f"{p.real_time:.3f}",
        )
        for p in every
    ]
    return rows_of(head, body)


def write(text: str, path: Path = RESULTS) -> None:
    """Put the tables between the markers of a file.

    Raises:
        ValueError: The markers are not there.
    """
    old = path.read_text()
    if BEGIN not in old or END not in old:
        raise ValueError(f"{path}: no place for the tables, it needs the lines {BEGIN} and {END}")
    before, rest = old.split(BEGIN, 1)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END, 1)[1]}")
