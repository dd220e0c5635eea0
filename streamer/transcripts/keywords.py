"""Which lines have the words of a query: whole words, their commonest endings aside, or beginnings of words."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, insort

from models.common.phrases import content_words

LEAST_COVERED = 0.5
"""Share of the query (weighted by how rare its words are) that a line must have."""

_BEGINNING = 0.8
"""What a word counts of which only the beginning was typed."""

_WITHOUT_ORDER = 0.9
"""What a line counts at most that has the words, but not one after another."""

_WORD = re.compile(r"\w+(?:'\w+)?")

_ENDINGS = ("'s", "ies", "ing", "es", "ed", "s")
"""The commonest of English, the longer before the shorter that it ends with."""


def stem(word: str) -> str:
    """Return a word without its commonest English ending, so that one search finds "budget" and "budgets".

    >>> [stem(word) for word in ("budgets", "running", "cities", "us", "bus")]
    ['budget', 'runn', 'cit', 'us', 'bus']
    """
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word[:-1] if word.endswith(("e", "y")) and len(word) > 3 else word


def words(text: str) -> list[str]:
    """Return the words of a text in any language that parts them by blanks, lower case."""
    return [str(word) for word in _WORD.findall(text.casefold())]


class Keywords:
    """Lines by the words they have; each line has a number."""

    def __init__(self) -> None:
        self._lines: dict[int, tuple[str, ...]] = {}
        self._having: dict[str, set[int]] = {}
        self._stems: list[str] = []
        """Those of `_having` in order, so that beginnings are found without a look at every word."""

    def add(self, number: int, text: str) -> None:
        """Take in a line."""
        stems = tuple(stem(word) for word in words(text))
        self._lines[number] = stems
        for word in stems:
            if word not in self._having:
                self._having[word] = set()
                insort(self._stems, word)
            self._having[word].add(number)

    def drop(self, number: int) -> None:
        """Forget a line.

        Raises:
            KeyError: there is none of that number.
        """
        for word in set(self._lines.pop(number)):
            self._having[word].discard(number)
            if not self._having[word]:
                del self._having[word]
                del self._stems[bisect_left(self._stems, word)]

    def search(self, text: str) -> dict[int, float]:
        """Return the lines that have at least half of a query.

        Args:
            text: the query; its small words count only if there are no others.

        Returns:
            Number and score from 0 to 1; 1 where the words stand there one after another.
        """
        asked = words(text)
        wanted = [stem(word) for word in content_words(asked) or asked]
        total, found = 0.0, dict[int, float]()
        for word in wanted:
            whole = self._having.get(word, set())
            begun = self._begun(word) - whole
            weight = math.log(1 + (1 + len(self._lines)) / (1 + len(whole) + len(begun)))
            total += weight
            for numbers, worth in ((whole, weight), (begun, _BEGINNING * weight)):
                for number in numbers:
                    found[number] = found.get(number, 0.0) + worth
        scores = {number: worth / total for number, worth in found.items() if worth >= LEAST_COVERED * total}
        return {number: self._with_order(number, wanted, share) for number, share in scores.items()}

    def _begun(self, word: str) -> set[int]:
        if len(word) < 3:
            return set()
        found: set[int] = set()
        for at in range(bisect_left(self._stems, word), len(self._stems)):
            if not self._stems[at].startswith(word):
                break
            found |= self._having[self._stems[at]]
        return found

    def _with_order(self, number: int, wanted: list[str], share: float) -> float:
        stems, size = self._lines[number], len(wanted)
        if any(list(stems[at : at + size]) == wanted for at in range(len(stems) - size + 1)):
            return 1.0
        return _WITHOUT_ORDER * min(1.0, share)
