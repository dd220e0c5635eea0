"""Which lines have the words of a query, their commonest endings aside; and which words a talk comes back to."""

from __future__ import annotations

import math
import re
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable

from models.common.phrases import content_words

LEAST_COVERED = 0.5
"""Share of the query (weighted by how rare its words are) that a line must have."""

_BEGINNING = 0.8
"""What a word counts of which only the beginning was typed."""

_WITHOUT_ORDER = 0.9
"""What a line counts at most that has the words, but not one after another."""

_WORD = re.compile(r"\w+(?:'\w+)?")

_SAID_OFTEN = frozenset(
    """actually again always anything ask back because doing don't done even every everything far few first get gets
    getting give go goes going gone gonna good got having i'll i've kind know last let let's like little look
    lot made make many maybe mean more most much need never new next nice nothing now okay one only own people
    please put quite really right said same say saying see something sort still such sure take tell thank thanks
    that's there's they're thing things think though three time too two until use wanna want way we'll we're
    well yeah yes yet you're""".split()
)
"""Of talk in English, whatever it is about."""

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


def salient(lines: Iterable[str], most: int = 12) -> list[str]:
    """Return the words that a talk comes back to, the most frequent first.

    Args:
        lines: of the talk.
        most: how many.

    Returns:
        Words in the form in which each was said most often; those that stand in one line alone are left out.
    """
    forms: dict[str, Counter[str]] = {}
    in_lines: Counter[str] = Counter()
    for line in lines:
        said = [word for word in content_words(words(line)) if len(word) > 2 and word not in _SAID_OFTEN]
        for word in said:
            forms.setdefault(stem(word), Counter())[word] += 1
        in_lines.update({stem(word) for word in said if not word.isdigit()})
    ranked = sorted((one for one in in_lines.items() if one[1] > 1), key=lambda one: (-one[1], one[0]))
    return [forms[word].most_common(1)[0][0] for word, _ in ranked[:most]]


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
