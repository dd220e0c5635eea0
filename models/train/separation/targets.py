"""What the separator is to reach, and whether it does: a table of targets beside what was measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.train.separation.pace import Pace
from models.train.separation.report import Results, rows_of
from models.train.separation.word_errors import Errors


@dataclass(frozen=True)
class Target:
    """One figure.

    Attributes:
        what: In words.
        condition: Scene, `cue` and `figure` where it is read; the mean counts.
        limit: To be reached.
        most: Whether `limit` is the most allowed and not the least.
    """

    what: str
    condition: str
    cue: str
    figure: str
    limit: float
    most: bool = False


TARGETS = (
    Target("both cues, SI-SDRi dB", "two talkers", "both", "SI-SDRi", 9.5),
    Target("both cues, wrong talker %", "two talkers", "both", "wrong", 1.5, True),
    Target("voice only, SI-SDRi dB", "two talkers", "voice", "SI-SDRi", 8.5),
    Target("lips only, SI-SDRi dB", "two talkers", "lips", "SI-SDRi", 6.0),
    Target("lips only, wrong talker %", "two talkers", "lips", "wrong", 8.0, True),
    Target("three talkers, both cues, SI-SDRi dB", "three talkers", "both", "SI-SDRi", 7.0),
    Target("room + noise, both cues, SI-SDRi dB", "room + noise", "both", "SI-SDRi", 6.5),
    Target("silent face, both cues, dB left", "silent face", "both", "left", -25.0, True),
    Target("silent face, lips only, dB left", "silent face", "lips", "left", -25.0, True),
    Target("silent face, voice only, dB left", "silent face", "voice", "left", -25.0, True),
)


def table(results: Results, system: str, errors: Errors | None, paces: list[Pace] | None) -> str:
    """Tabulate all targets, measured and whether reached; what was not measured is left out."""
    body = []

    def add(what: str, limit: float, most: bool, value: float, digits: int = 1) -> None:
        reached = value <= limit if most else value >= limit
        sign = "at most" if most else "at least"
        body.append((what, f"{sign} {limit:g}", f"{value:.{digits}f}", "yes" if reached else "no"))

    for target in TARGETS:
        figures = results.get((system, target.condition, target.cue))
        if figures is not None:
            value = float(np.nanmean(figures[target.figure]))
            add(target.what, target.limit, target.most, value)
    if errors is not None:
        half, ours = round(_rate(errors["mixture"]) / 2, 1), _rate(errors[f"{system}, both"])
        add("word error rate %, both cues: half of the mixture's", half, True, ours)
    for pace in paces or []:
        if (pace.backend, pace.faces, pace.chunk) == ("onnx8", 1, 20):
            add("one face on one core, real-time factor (ONNX, 8 bits)", 0.2, True, pace.real_time, 3)
            add("algorithmic latency ms", 40, True, pace.latency)
    return rows_of(("target", "limit", "measured", "reached"), body)


def _rate(pairs: list[tuple[int, int]]) -> float:
    return 100 * sum(wrong for wrong, _ in pairs) / sum(said for _, said in pairs)
