"""A result as annotation tools want it: tiers of stretches that do not overlap, in whole milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from streamer.recordings.exports.result import Result, Said


@dataclass(frozen=True, slots=True)
class Stretch:
    """Milliseconds from `start`, to `end`, which is later; and what is written on it."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Tier:
    """One speaker's sentences, with their words inside them.

    Attributes:
        name: The speaker's; no two tiers have the same.
        sentences: In order, none over another.
        words: Likewise, each within a sentence.
        turns: When the speaker speaks, likewise.
    """

    name: str
    sentences: list[Stretch]
    words: list[Stretch]
    turns: list[Stretch]


def tiers(result: Result) -> list[Tier]:
    """Return a tier for everybody who is heard, and one for what nobody is heard to say apart from the rest."""
    said: dict[int | None, list[Said]] = {}
    for one in result.said:
        said.setdefault(one.person, []).append(one)
    turns: dict[int | None, list[tuple[float, float, str]]] = {}
    for turn in result.turns:
        turns.setdefault(turn.person, []).append((turn.start, turn.end, "speaks"))
    made: list[Tier] = []
    for person in sorted(said.keys() | turns.keys(), key=lambda person: (person is None, person)):
        sentences, words = _sentences(said.get(person, []))
        name = _unused(result.label(person) or "nobody known", {tier.name for tier in made})
        made.append(Tier(name, sentences, words, _apart(turns.get(person, []))))
    return made


def _sentences(said: Iterable[Said]) -> tuple[list[Stretch], list[Stretch]]:
    sentences: list[Stretch] = []
    words: list[Stretch] = []
    for one in said:
        inside = _apart(
            [(word.start, word.end, word.text) for word in one.words], sentences[-1].end if sentences else 0
        )
        if inside:
            words += inside
            sentences.append(Stretch(inside[0].start, inside[-1].end, one.text))
    return sentences, words


def _apart(stretches: Iterable[tuple[float, float, str]], free: int = 0) -> list[Stretch]:
    """Return stretches, given in seconds, of at least 1 ms each and one after the other from `free` ms on."""
    made = []
    for start, end, text in stretches:
        begin = max(round(start * 1000), free)
        free = max(round(end * 1000), begin + 1)
        made.append(Stretch(begin, free, text))
    return made


def _unused(name: str, used: set[str]) -> str:
    count, free = 1, name
    while free in used:
        count += 1
        free = f"{name} ({count})"
    return free
