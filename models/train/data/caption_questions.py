"""Questions about pictures that have captions, made by rule from what the captions agree on.

After Ren et al., "Exploring models and data for image question answering", NIPS 2015 (COCO-QA: things, colours, counts
and places out of captions); what is done, and yes and no, are added.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from models.train.data.caption_facts import Facts, gerund
from models.train.data.caption_words import CONCEPTS, absent
from models.train.data.daquar import Question
from models.train.data.question_words import ANYBODY, PRONOUNS, SEVERAL, other_words, plural
from models.train.data.yes_no_questions import yes_or_no

KINDS = ("yes or no", "colour", "count", "thing", "doing", "place")

_TELL_WHO = frozenset(["ride", "hold", "throw", "kick", "read", "climb"])
_HOW_MANY = ("are there", "are in the picture", "do you see", "can you see")


def caption_questions(found: list[Facts], seed: int = 0) -> list[Question]:
    """Make all questions about pictures.

    Args:
        found: What is known of each picture.
        seed: Of the choice of wordings, and of pictures where the answer is no.

    Returns:
        Questions with the number of their picture; every `kind` is one of `KINDS`.
    """
    rng = random.Random(seed)
    made = [question for picture, one in enumerate(found) for question in _open_questions(picture, one, rng)]
    made = [replace(one, text=other_words(one.text, rng)) for one in made + _counts(found, rng)]
    return made + list(yes_or_no(found, rng))


def _called(one: Facts, name: str, rng: random.Random) -> tuple[str, str]:
    """Return how somebody is called as a subject and as an owner: "the man" and "the man's", or "he" and "his"."""
    if name == one.alone and rng.random() < 0.3:
        return PRONOUNS.get(name, ("the person", "their"))
    return f"the {name}", f"the {name}'s"


def _open_questions(picture: int, one: Facts, rng: random.Random) -> Iterator[Question]:
    for kind, asked in (
        ("colour", _colours(one, rng)),
        ("thing", _things(one, rng)),
        ("doing", _doings(one, rng)),
        ("place", _places(one, rng)),
        ("thing", _animals(one, rng)),
        ("thing", _headgear(one, rng)),
    ):
        for text, answer in asked:
            yield Question(picture, text, answer, kind)


def _colours(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    for name, answer in one.colours.items():
        be, colour = "are" if name in SEVERAL else "is", rng.choice(["color", "colour"])
        texts = [f"what {colour} {be} the {name}", f"what is the {colour} of the {name}"]
        texts.append(f"which {colour} {be} the {name}")
        if one.alone and (one.alone, name) in one.wears:
            who, whose = _called(one, one.alone, rng)
            texts += [f"what {colour} {be} {whose} {name}", f"what {colour} {name} is {who} wearing"]
        for text in rng.sample(texts, 2):
            yield text, answer


def _things(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    for (name, verb, on), thing in one.objects.items():
        if one.counts.get(name, 1) > 1:
            continue
        who, whose = _called(one, name, rng)
        doing = gerund(verb)
        if on == "mouth":
            texts = [f"what is in {whose} mouth", f"what does {who} have in its mouth", f"what is {who} carrying"]
        else:
            texts = [f"what is {who} {doing} {on}".strip()] * 2
        if verb == "ride":
            texts.append("what is being ridden")
        yield rng.choice(texts), thing
        if one.alone and verb in _TELL_WHO and CONCEPTS[name].group == "people":
            yield f"who is {doing} {on} the {thing}".replace("  ", " "), name


def _doings(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    for name, votes in one.does.items():
        best = votes.most_common(2)
        if best[0][1] < 2 or (len(best) > 1 and best[0][1] == best[1][1]):
            continue
        be, who = _subject(one, name, rng)
        texts = [f"what {be} {who} doing"]
        if name == one.alone:
            texts += [f"what is {rng.choice(ANYBODY[2:])} doing", "what is happening", "what are they doing"]
        yield texts[0], gerund(best[0][0])
        if len(texts) > 1:
            yield rng.choice(texts), gerund(best[0][0])


def _places(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    for name, place in one.places.items():
        be, who = _subject(one, name, rng)
        yield rng.choice([f"where {be} {who}", f"where {be} {who} in the picture"]), place


def _subject(one: Facts, name: str, rng: random.Random) -> tuple[str, str]:
    """Return "is" with who is one, "are" with those who are several."""
    return ("is", _called(one, name, rng)[0]) if one.counts.get(name, 1) == 1 else ("are", f"the {plural(name)}")


def _animals(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    seen = [name for name, times in one.seen.items() if CONCEPTS[name].group == "animal" and times > 1]
    names = [name for name in seen if name != "animal"]
    # Dogs are nearly all that Flickr8k has of animals.
    if len(names) == 1 and (names[0] != "dog" or rng.random() < 0.1):
        texts = ["what animal is there", "what animal is in the picture", "what kind of animal is this"]
        yield rng.choice(texts), names[0]


def _headgear(one: Facts, rng: random.Random) -> Iterator[tuple[str, str]]:
    worn = [name for name in ("hat", "helmet", "glasses") if any(clothes == name for _, clothes in one.wears)]
    if one.alone and len(worn) == 1:
        who, (_, whose) = _called(one, one.alone, rng)[0], PRONOUNS.get(one.alone, ("they", "their"))
        yield f"what is {who} wearing on {whose} {'face' if worn[0] == 'glasses' else 'head'}", worn[0]


def _counts(found: list[Facts], rng: random.Random) -> list[Question]:
    """Ask how many there are: for each name as many of one as of any other number together."""
    asked: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for picture, one in enumerate(found):
        for name, number in one.counts.items():
            asked[name][number].append(picture)
        for name in ("person", "dog", "man", "woman", "child", "animal"):
            if absent(name, one.said):
                asked[name][0].append(picture)
    made = []
    for name, pictures in asked.items():
        several = sum(len(rows) for number, rows in pictures.items() if number > 1)
        for number, rows in sorted(pictures.items()):
            most = several // 4 if number == 0 else several if number == 1 else len(rows)
            for picture in rng.sample(rows, min(most, len(rows))):
                many = plural(name)
                texts = [f"how many {many} {ending}" for ending in _HOW_MANY] + [f"what is the number of {many}"]
                made += [Question(picture, text, str(number), "count") for text in rng.sample(texts, 2)]
    return made
