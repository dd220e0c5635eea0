"""Subtitles that can be read: when each stands, so that none is too short, too fast, or over the next of its speaker.

Measure: Netflix, "Timed Text Style Guide: Subtitle Timing Guidelines",
https://partnerhelp.netflixstudios.com/hc/en-us/articles/360051554394.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

from streamer.transcripts.phrases import LONGEST, PAUSE, SHORTEST, cut, lines, split_long
from streamer.transcripts.words import Word

SPEED = 20
"""Most characters a second, spaces and punctuation among them."""

GAP = 84
"""Least milliseconds between two subtitles of a speaker: two pictures at 24 a second."""

LINGER = 500
"""Milliseconds that a subtitle stays after its last word, where there is room; a shorter gap to the next is closed."""

MOST_WORDS = 200
"""Words after which somebody who makes no pause is cut all the same."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence.

    Attributes:
        speaker: Whose; no two subtitles of one speaker stand at once.
        words: With times, rising.
    """

    speaker: Hashable
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle.

    Attributes:
        start: Milliseconds.
        end: Likewise.
        speaker: As of what was `Spoken`.
        lines: One or two, 42 characters at most.
    """

    start: int
    end: int
    speaker: Hashable
    lines: tuple[str, ...]

    @property
    def text(self) -> str:
        """The words, in one line."""
        return " ".join(self.lines)


def subtitles(spoken: Iterable[Spoken]) -> list[Cue]:
    """Make the subtitles of sentences in any order; they come in order of time.

    A speaker who is faster than can be read has subtitles that lag, until a pause.
    """
    by_speaker: dict[Hashable, list[Spoken]] = {}
    for sentence in sorted(spoken, key=lambda sentence: sentence.words[0].start if sentence.words else 0.0):
        by_speaker.setdefault(sentence.speaker, []).append(sentence)
    cues = [cue for said in by_speaker.values() for cue in of_one(said)]
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def of_one(said: Iterable[Spoken]) -> Iterator[Cue]:
    """Yield the subtitles of one speaker, whose sentences come in order, as soon as nothing can change them."""
    last: tuple[Hashable, int, list[Word]] | None = None
    for speaker, group in _groups(said):
        start = max(0, round(group[0].start * 1000))
        if last is not None:
            start = max(start, last[1] + _reading(last[2]) + GAP)
            yield _cue(*last, start)
        last = speaker, start, group
    if last is not None:
        yield _cue(*last, None)


def _groups(said: Iterable[Spoken]) -> Iterator[tuple[Hashable, list[Word]]]:
    """Yield the words of each subtitle; sentences that follow each other closely are cut together."""
    held: list[Word] = []
    speaker: Hashable = None
    for sentence in said:
        words = list(chain.from_iterable(map(split_long, sentence.words)))
        if held and words and (words[0].start - held[-1].end > PAUSE or len(held) > MOST_WORDS):
            yield from ((speaker, group) for group in cut(held))
            held = []
        speaker = sentence.speaker
        held += words
    yield from ((speaker, group) for group in cut(held))


def _cue(speaker: Hashable, start: int, group: list[Word], following: int | None) -> Cue:
    """Return a subtitle that begins at `start` ms, and is over when the following begins."""
    end = max(round(group[-1].end * 1000) + LINGER, start + _reading(group))
    if following is not None and following - end < LINGER:
        end = following - GAP
    return Cue(start, min(end, start + round(LONGEST * 1000)), speaker, lines(group))


def _reading(group: list[Word]) -> int:
    """Return the least milliseconds that words have to stand."""
    characters = sum(len(word.text) for word in group) + len(group) - 1
    return max(round(SHORTEST * 1000), -(-1000 * characters // SPEED))
