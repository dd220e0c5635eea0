"""Subtitles that can be read: when each stands, so that none is too short, too fast, or over the next of its speaker.

Measure: Netflix, "Timed Text Style Guide: Subtitle Timing Guidelines",
https://partnerhelp.netflixstudios.com/hc/en-us/articles/360051554394.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise

from streamer.transcripts.phrases import LONGEST, SHORTEST, cut, lines, split_long
from streamer.transcripts.words import Word

SPEED = 20
"""Most characters a second, spaces and punctuation among them."""

GAP = 84
"""Least milliseconds between two subtitles of a speaker: two pictures at 24 a second."""

LINGER = 500
"""Milliseconds that a subtitle stays after its last word, where there is room; a shorter gap to the next is closed."""


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
    words: dict[Hashable, list[Word]] = {}
    for sentence in sorted(spoken, key=lambda sentence: sentence.words[0].start if sentence.words else 0.0):
        words.setdefault(sentence.speaker, []).extend(sentence.words)
    cues = [cue for speaker, said in words.items() for cue in _of_one(speaker, said)]
    return sorted(cues, key=lambda cue: (cue.start, cue.end))


def _of_one(speaker: Hashable, said: list[Word]) -> Iterator[Cue]:
    """Yield the subtitles of one speaker."""
    groups = cut(list(chain.from_iterable(map(split_long, said))))
    starts: list[int] = []
    last = -GAP
    for group in groups:
        start = max(round(group[0].start * 1000), last + GAP)
        last = start + _reading(group)
        starts.append(start)
    # Nothing is in the way of the last one.
    never = 2 * last + 10_000_000
    for group, (start, following) in zip(groups, pairwise([*starts, never]), strict=True):
        end = max(round(group[-1].end * 1000) + LINGER, start + _reading(group))
        if following - end < LINGER:
            end = following - GAP
        yield Cue(start, min(end, start + round(LONGEST * 1000)), speaker, lines(group))


def _reading(group: list[Word]) -> int:
    """Return the least milliseconds that words have to stand."""
    characters = sum(len(word.text) for word in group) + len(group) - 1
    return max(round(SHORTEST * 1000), -(-1000 * characters // SPEED))
