"""What a call was, from its lines alone: who spoke how long and when, exchanges, and questions.

Nothing is made up and nobody is asked: every part is counted from the lines, or is one of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

EXCHANGE_GAP = 6.0
"""Seconds of silence that an exchange survives."""

EXCHANGE_LINES = 4
"""Lines that make an exchange, of two people at least."""

MOST_EXCHANGES, MOST_QUESTIONS = 5, 30

SPAN_GAP = 1.5
"""Seconds between two lines of one speaker that count as one stretch of talk."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line, spoken or written.

    Attributes:
        start: Seconds.
        end: Likewise.
        speaker: Name.
        text: Words.
        written: Whether it was typed.
    """

    start: float
    end: float
    speaker: str
    text: str
    written: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """How much one person spoke.

    Attributes:
        speaker: Name.
        seconds: Of talk.
        spans: When, (start, end) each.
        lines: How many lines.
    """

    speaker: str
    seconds: float
    spans: tuple[tuple[float, float], ...]
    lines: int


@dataclass(frozen=True, slots=True)
class Exchange:
    """Lines of two or more people without a pause.

    Attributes:
        lines: In their order.
        speakers: Who, in the order of their first words.
    """

    lines: tuple[Utterance, ...]
    speakers: tuple[str, ...]

    @property
    def start(self) -> float:
        """When it began."""
        return self.lines[0].start

    @property
    def seconds(self) -> float:
        """How long it was."""
        return max(line.end for line in self.lines) - self.start


def shares(lines: Iterable[Utterance]) -> list[Share]:
    """Return how long everybody spoke, the longest first; what is written takes no time."""
    spoken: dict[str, list[Utterance]] = {}
    for line in sorted(lines, key=lambda line: line.start):
        if not line.written:
            spoken.setdefault(line.speaker, []).append(line)
    found = []
    for speaker, theirs in spoken.items():
        spans: list[tuple[float, float]] = []
        talk = 0.0
        until = float("-inf")
        for line in theirs:
            talk += max(0.0, line.end - max(line.start, until))
            until = max(until, line.end)
            if spans and line.start - spans[-1][1] <= SPAN_GAP:
                spans[-1] = spans[-1][0], max(spans[-1][1], line.end)
            else:
                spans.append((line.start, line.end))
        found.append(Share(speaker, talk, tuple(spans), len(theirs)))
    return sorted(found, key=lambda share: -share.seconds)


def exchanges(lines: Iterable[Utterance], most: int = MOST_EXCHANGES) -> list[Exchange]:
    """Return the longest exchanges, the longest first."""
    runs: list[list[Utterance]] = []
    until = float("-inf")
    for line in sorted((line for line in lines if not line.written), key=lambda line: line.start):
        if not runs or line.start - until > EXCHANGE_GAP:
            runs.append([])
        runs[-1].append(line)
        until = max(until, line.end)
    found = [Exchange(tuple(run), tuple(dict.fromkeys(line.speaker for line in run))) for run in runs]
    talks = [one for one in found if len(one.speakers) > 1 and len(one.lines) >= EXCHANGE_LINES]
    return sorted(talks, key=lambda one: -one.seconds)[:most]


def questions(lines: Iterable[Utterance], most: int = MOST_QUESTIONS) -> list[Utterance]:
    """Return the last lines that ask something, the oldest first."""
    asked = [line for line in sorted(lines, key=lambda line: line.start) if "?" in line.text or "\uff1f" in line.text]
    return asked[-most:]


def spread(times: Sequence[float], most: int) -> list[int]:
    """Choose moments that lie far apart.

    Args:
        times: in order.
        most: how many at most.

    Returns:
        Which, in order: the first, and each that lies at least a part of the whole time after the one before.
    """
    if len(times) <= most:
        return list(range(len(times)))
    apart = (times[-1] - times[0]) / most
    chosen: list[int] = []
    for index, t in enumerate(times):
        if not chosen or t - times[chosen[-1]] >= apart:
            chosen.append(index)
    return chosen[:most]
