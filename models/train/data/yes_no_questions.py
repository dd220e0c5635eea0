"""Questions of yes and no: of each wording as many of either, so that the question alone is worth one half.

Half the noes are about pictures that look as if it were there (Goyal et al., "Making the V in VQA matter", CVPR 2017).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from models.common.arrays import F64
from models.train.data.caption_facts import INSTEAD, Facts, gerund
from models.train.data.caption_words import COLOURS, CONCEPTS, absent
from models.train.data.daquar import Question
from models.train.data.question_words import ANYBODY, PRONOUNS, SEVERAL, UNCOUNTED, other_words, plural, some

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six")
_INSIDE = frozenset(["inside", "indoors", "indoor", "room", "kitchen", "bedroom", "couch", "carpet", "gym"])
_INSIDE |= {"restaurant", "classroom", "office", "hallway"}
_OUTSIDE = frozenset(["outside", "outdoors", "outdoor", "grass", "snow", "beach", "street", "ocean", "lake", "river"])
_OUTSIDE |= {"mountain", "forest", "park", "sky", "road", "city", "track", "pond"}
_NOT_ALONE = frozenset(["play", "look", "watch", "hold", "carry", "throw", "catch", "chase", "push", "pull"])
"""What is said so often, or so seldom without the thing, that yes or no means little."""

_MOST_PAIRS = 300
"""Pictures of either answer that one wording's questions are about."""

_LEAST_PAIRS = 4

_Key = tuple[str, ...]


def yes_or_no(found: list[Facts], rng: random.Random) -> Iterator[Question]:
    """Ask whether it is so, of as many pictures where it is as where nobody said so."""
    yes: dict[_Key, list[int]] = defaultdict(list)
    for picture, one in enumerate(found):
        for key in _true(one):
            yes[key].append(picture)
    likely = _likeness(found)
    for key, pictures in sorted(yes.items()):
        if len(pictures) < _LEAST_PAIRS:
            continue
        no = [picture for picture, one in enumerate(found) if _false(key, one)]
        number = min(len(pictures), len(no), _MOST_PAIRS)
        if number < _LEAST_PAIRS:
            continue
        no = _hard_half(no, likely(pictures), number, rng)
        for here, there in zip(rng.sample(pictures, number), no, strict=True):
            text = other_words(rng.choice(_wordings(key, rng)), rng)
            yield Question(here, text, "yes", "yes or no")
            yield Question(there, text, "no", "yes or no")


def _likeness(found: list[Facts]) -> Callable[[list[int]], F64]:
    """Return what says of all pictures how much else they share with some, in nats (naive Bayes)."""
    names = list(CONCEPTS)
    here = np.array([[name in one.seen for name in names] for one in found], float)
    usual = np.log((here.sum(0) + 0.5) / (len(found) + 1))

    def likely(pictures: list[int]) -> F64:
        among = np.log((here[pictures].sum(0) + 0.5) / (len(pictures) + 1))
        score: F64 = here @ (among - usual)
        return score

    return likely


def _hard_half(no: list[int], score: F64, number: int, rng: random.Random) -> list[int]:
    """Choose pictures: half of them by chance among all, half among the likest third."""
    likest = sorted(no, key=lambda picture: (-score[picture], picture))[: max(number, len(no) // 3)]
    hard = rng.sample(likest, number // 2)
    rest = [picture for picture in no if picture not in set(hard)]
    chosen = hard + rng.sample(rest, number - len(hard))
    rng.shuffle(chosen)
    return chosen


def _true(one: Facts) -> Iterator[_Key]:
    """List what is so in a picture."""
    for name in one.seen:
        yield "there", name
    for who, clothes in one.wears:
        if CONCEPTS[who].group == "people":
            yield "wears", "", clothes
            if who == one.alone:
                yield "wears", who, clothes
    for who, votes in one.does.items():
        for verb in votes:
            if verb not in _NOT_ALONE:
                if CONCEPTS[who].group == "people":
                    yield "does", "", verb
                if who in (one.alone, "dog"):
                    yield "does", who, verb
    for name, colour in one.colours.items():
        if colour in COLOURS:
            yield "colour", name, colour
    for name, number in one.counts.items():
        if 1 <= number < len(_NUMBERS):
            yield "number", name, str(number)
    for who, place in one.places.items():
        if who in (one.alone, "dog"):
            yield "place", who, place
    inside, outside = bool(one.said & _INSIDE), bool(one.said & _OUTSIDE)
    if inside != outside:
        yield ("inside",) if inside else ("outside",)


def _false(key: _Key, one: Facts) -> bool:
    """Say whether nobody said that it is so, where somebody would have."""
    match key:
        case "there", name:
            return absent(name, one.said)
        case "wears", who, clothes:
            return one.seen[who or "person"] >= 3 and (not who or who == one.alone) and absent(clothes, one.said)
        case "does", who, verb:
            somebody = one.seen[who or "person"] >= 3 and (not who or who in (one.alone, "dog"))
            return somebody and bool(one.verbs) and verb not in one.verbs and not one.said & INSTEAD[verb]
        case "colour", name, colour:
            return name in one.colours and colour not in one.said and colour not in one.colours[name]
        case "number", name, number:
            return one.counts.get(name, int(number)) != int(number) or absent(name, one.said)
        case "place", who, place:
            return who in one.places and absent(place, one.said)
        case (where,):
            other, own = (_OUTSIDE, _INSIDE) if where == "inside" else (_INSIDE, _OUTSIDE)
            return bool(one.said & other) and not one.said & own
    raise ValueError(key)


def _wordings(key: _Key, rng: random.Random) -> tuple[str, ...]:
    """List ways to ask one thing."""
    anybody = rng.choice(ANYBODY)
    match key:
        case "there", "person":
            return (
                f"is there {anybody}",
                f"is {anybody} there",
                "is there a person",
                "are there any people",
                "are there people",
            )
        case "there", name:
            be = "are" if name in SEVERAL else "is"
            sees = f"{rng.choice(['do', 'can'])} you see {some(name)}"
            both = f"{be} there {some(name)}", f"{be} there {some(name)} in the picture", sees
            return both if name in UNCOUNTED or name in SEVERAL else (*both, f"are there any {plural(name)}")
        case "wears", who, clothes:
            them = _somebody(who, anybody, rng)
            return (
                f"is {them} wearing {some(clothes)}",
                f"is {them} wearing {some(clothes)}",
                f"does {them} wear {some(clothes)}",
            )
        case "does", who, verb:
            return (f"is {_somebody(who, anybody, rng)} {gerund(verb)}",)
        case "colour", name, colour:
            be = "are" if name in SEVERAL else "is"
            return f"{be} the {name} {colour}", f"{be} there {some(name) if be == 'is' else name} that {be} {colour}"
        case "number", name, "1":
            return f"is there only one {name}", f"is there one {name}"
        case "number", name, number:
            return (
                f"are there {_NUMBERS[int(number)]} {plural(name)}",
                f"do you see {_NUMBERS[int(number)]} {plural(name)}",
            )
        case "place", who, place:
            on = "on" if place in ("beach", "street", "grass") else "in"
            return (f"is {_somebody(who, anybody, rng)} {on} the {place}",)
        case ("inside",):
            return "is it inside", "is this indoors", "are they inside", "is this inside a room"
        case ("outside",):
            return "is it outside", "is this outdoors", "are they outside", "is this picture taken outside"
    raise ValueError(key)


def _somebody(who: str, anybody: str, rng: random.Random) -> str:
    if not who:
        return anybody
    return PRONOUNS[who][0] if who in PRONOUNS and rng.random() < 0.3 else f"the {who}"
