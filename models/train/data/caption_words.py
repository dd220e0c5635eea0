"""What the words of Flickr8k's captions mean, and the phrases that a caption is made of."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from models.train.data.caption_lexicon import LEXICON, Group
from models.vision.vocabulary import tokenise


class Concept(NamedTuple):
    """One thing that can be asked about.

    Attributes:
        name: What it is called in questions and answers, in the singular.
        group: What sort of thing it is.
        broader: Names of what it is as well ("boy" is a "child" and a "person").
        unsure: Words for what might be it, or stand beside it untold; where one is told, its absence is not sure.
    """

    name: str
    group: Group
    broader: tuple[str, ...]
    unsure: frozenset[str]


_PLURALS = {"men": "man", "women": "woman", "children": "child", "people": "person", "geese": "goose", "skis": "ski"}
_STAYS = frozenset(
    ["glasses", "pants", "shorts", "skates", "gloves", "shoes", "goggles", "bus", "tennis", "trunks", "always"]
)

COLOURS = ("white", "black", "brown", "red", "blue", "green", "yellow", "pink", "gray", "orange", "purple", "tan")
_SAME_COLOUR = {"grey": "gray", "golden": "tan", "blond": "tan", "beige": "tan", "maroon": "red"}
NUMBERS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8} | {
    str(n): n for n in range(1, 9)
}
_MANY = frozenset(["some", "several", "many", "few", "group", "crowd", "bunch", "lot", "number", "team", "pack"])
_VERBS_TOO = frozenset(
    ["slide", "swing", "train", "fish", "bat", "rock", "drink", "shop", "book", "park", "hose", "pool"]
)
"""After somebody these are what he does: "the girl slides"."""


def singular(word: str) -> str:
    """Return a noun in the singular; words that are none come out as they may.

    >>> [singular(word) for word in ("dogs", "men", "puppies", "benches", "glasses", "dress", "bus")]
    ['dog', 'man', 'puppy', 'bench', 'glasses', 'dress', 'bus']
    """
    if word in _PLURALS:
        return _PLURALS[word]
    if word in _STAYS or word.endswith("ss") or len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    return word[:-2] if word.endswith(("ches", "shes", "xes", "sses")) else word[:-1]


def _read() -> tuple[dict[str, Concept], dict[str, str]]:
    concepts: dict[str, Concept] = {}
    names: dict[str, str] = {}
    for group, text in LEXICON.items():
        for line in re.sub(r"\n\s{12,}", " ", text).strip().splitlines():
            head, _, unsure = line.strip().partition("~")
            head, _, broader = head.partition("<")
            name, _, words = head.partition("=")
            name = name.strip()
            concepts[name] = Concept(name, group, tuple(broader.split()), frozenset(unsure.split()))
            for word in (name, *words.split()):
                names[word] = names[singular(word)] = name
    return concepts, names


CONCEPTS, _NAMES = _read()
"""All concepts by name."""

_ADJECTIVES = frozenset(
    """young little small large big old older elderly tall long short tiny huge dark light bright striped plaid hooded
    wooden plastic metal open wet dry muddy dirty fluffy furry shaggy asian african american bald bearded
    colorful brick stone stuffed tennis soccer toy red-haired blonde haired teenage female male adult lone
    leather winter knit baseball cowboy football plain floral deep shallow busy snowy grassy sandy rocky dirt
    concrete swimming tank bathing dress spotted rubber squeaky german fallen tree very clear matching pair of
    colored multicolored""".split()
)


@dataclass(frozen=True)
class Phrase:
    """A noun with what stands before it.

    Attributes:
        concept: What the noun means.
        count: How many, None if that is not said.
        colours: In the order of their telling.
        start: Number of its first word.
        end: Number of the word after it.
    """

    concept: Concept
    count: int | None
    colours: tuple[str, ...]
    start: int
    end: int


def concept_of(word: str) -> Concept | None:
    """Return what a word means, plural or singular; None if the lexicon does not have it."""
    name = _NAMES.get(word) or _NAMES.get(singular(word))
    return None if name is None else CONCEPTS[name]


def phrases(words: list[str]) -> list[Phrase]:
    """Find the nouns of a caption with their numbers and colours.

    Args:
        words: As `tokenise` gives them.

    Returns:
        In the order of the caption. Of nouns in a row the last is meant: a "soccer ball" is a ball.
    """
    found = []
    for at, word in enumerate(words):
        concept = None if _is_verb(words, at) else concept_of(word)
        if concept is None or (at + 1 < len(words) and _noun(words, at + 1)):
            continue
        start = at
        while start and (words[start - 1] in _ADJECTIVES or _of_colours(words, start - 1) or _noun(words, start - 1)):
            start -= 1
        colours = [_colour(word) for word in words[start:at]]
        before = words[start - 1] if start else ""
        if before in NUMBERS:
            count: int | None = NUMBERS[before]
        else:
            count = None if singular(word) != word or before == "of" or before in _MANY else 1
        found.append(Phrase(concept, count, tuple(dict.fromkeys(c for c in colours if c)), start, at + 1))
    return found


def _noun(words: list[str], at: int) -> bool:
    return concept_of(words[at]) is not None and not _is_verb(words, at)


def _is_verb(words: list[str], at: int) -> bool:
    before = concept_of(words[at - 1]) if at else None
    return singular(words[at]) in _VERBS_TOO and before is not None and before.group in ("people", "animal")


def _colour(word: str) -> str | None:
    word = _SAME_COLOUR.get(word, word)
    return word if word in COLOURS else None


def _of_colours(words: list[str], at: int) -> bool:
    """Say whether a word is a colour, or the "and" between two of them."""
    return _colour(words[at]) is not None or (words[at] == "and" and at > 0 and _colour(words[at - 1]) is not None)


def told(captions: list[str]) -> set[str]:
    """Collect what captions tell of: every word, in the singular too, and the names of what the words mean.

    What is not among them was said by nobody.
    """
    names = set()
    for word in (word for caption in captions for word in tokenise(caption)):
        names |= {word, singular(word)}
        if (concept := concept_of(word)) is not None:
            names.add(concept.name)
    return names


def absent(name: str, said: set[str]) -> bool:
    """Say whether a thing is surely not there: nothing was said of it, of a kind of it, or of what may be it.

    Args:
        name: Of a concept.
        said: As `told` gives it.
    """
    return not said & _tells_of(name)


@cache
def _tells_of(name: str) -> frozenset[str]:
    concept = CONCEPTS[name]
    kinds = {other.name for other in CONCEPTS.values() if name in other.broader}
    return frozenset({name, *kinds, *concept.broader, *concept.unsure})
