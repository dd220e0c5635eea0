"""When each word of a sentence is said: bounded by how far the sentence had been read, shared out by length between.

Beside forced alignment (pocketsphinx, 164 words of moonshine-voice's sample files) half of them begin within 0.10 s
and nine of ten within 0.26 s; 0.12 and 0.29 s by length alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise

MOST_READINGS = 256
"""Earlier readings of a sentence that are kept; one is read at most 75 times."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its punctuation.

    Attributes:
        text: The word.
        start: Seconds.
        end: Likewise.
        opens: Whether a subtitle has to begin with it, as with a speaker's name.
    """

    text: str
    start: float
    end: float
    opens: bool = False


def timed(text: str, start: float, end: float, read: Iterable[tuple[str, float]] = ()) -> list[Word]:
    """Give every word of a sentence its time.

    Recognisers give a sentence's times, not its words'. A sentence is read again and again while it is said, though:
    words of a reading were over at its end. Between two such places words take time by their letters.

    Args:
        text: The sentence.
        start: When it begins, seconds.
        end: When its last word ends.
        read: Earlier readings of it, and when what each read was over.

    Returns:
        Its words; each begins where the one before ends.
    """
    words = text.split()
    end = max(start, end)
    places = [(0, start), *_places(words, start, end, read), (len(words), end)]
    timed: list[Word] = []
    for (first, since), (last, until) in pairwise(places):
        part = words[first:last]
        letters, done, begin = sum(len(word) + 1 for word in part), 0, since
        for word in part:
            done += len(word) + 1
            # Rounded sums of parts may be a trace more than the whole.
            over = min(until, since + (until - since) * done / letters) if done < letters else until
            timed.append(Word(word, begin, over))
            begin = over
    return timed


def _places(words: list[str], start: float, end: float, read: Iterable[tuple[str, float]]) -> list[tuple[int, float]]:
    """Return (how many words, time at which they were over), both rising, from within the sentence."""
    plain = [_plain(word) for word in words]
    places: list[tuple[int, float]] = []
    for text, t in sorted(read, key=lambda reading: reading[1]):
        if not start < t < end:
            continue
        matches = SequenceMatcher(None, [_plain(word) for word in text.split()], plain, False).get_matching_blocks()
        count = max(match.b + match.size for match in matches if match.size or len(matches) == 1)
        if not 0 < count < len(words):
            continue
        while places and places[-1][0] > count:
            # A later reading has fewer of the words: the earlier one was of something else.
            places.pop()
        # With no word more than before, what follows began after this one.
        if places and places[-1][0] == count:
            places[-1] = (count, places[-1][1])
        else:
            places.append((count, t))
    return places


def _plain(word: str) -> str:
    return "".join(c for c in word.casefold() if c.isalnum())


@dataclass
class WordTimes:
    """The readings of sentences that are being said, by the number of each."""

    _read: dict[int, list[tuple[str, float]]] = field(default_factory=dict)

    def reading(self, id: int, text: str, end: float) -> None:
        """Keep an earlier reading of a sentence; what it read was over at `end` seconds."""
        readings = self._read.setdefault(id, [])
        if len(readings) < MOST_READINGS:
            readings.append((text, end))

    def finish(self, id: int, text: str, start: float, end: float) -> list[Word]:
        """Give the words of a sentence their times, and forget its readings."""
        return timed(text, start, end, self._read.pop(id, ()))
