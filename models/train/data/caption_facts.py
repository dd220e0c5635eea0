"""What the captions of one picture agree on: who does what, with what, wearing what, in which colour, and how many."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field

from models.train.data.caption_words import NUMBERS, Phrase, phrases, told
from models.vision.vocabulary import tokenise

# base, then words of the same meaning ~ what is often told instead
_VERBS = """
    run = sprint jog ~ chase race play fetch catch jump leap walk
    jump = leap ~ air midair trick fly hop dive airborne flip
    walk = stroll march hike ~ run stand cross stroll lead
    sit = rest ~ seat lie lay ride recline seated bench chair
    stand = ~ wait pose look watch walk lean hold front
    swim = ~ water splash wade
    climb = scale ~ wall rock
    ride = ~ bike biker cyclist bicyclist motorcycle skateboard surf horse race
    play = ~
    catch = ~ fetch frisbee ball jump
    chase = ~ run race follow
    hold = grip clutch ~ carry with
    carry = ~ hold with
    throw = toss ~ ball pitch
    kick = ~ soccer football
    sleep = nap ~ lie lay rest
    eat = ~ food meal bite restaurant
    drink = ~ beer coffee cup bottle
    smile = grin ~ laugh happy pose smiling
    laugh = ~ smile happy
    dance = ~ dancer perform
    ski = ~ skier
    surf = ~ surfer surfboard wave
    skateboard = ~ skateboarder skate
    snowboard = ~ snowboarder
    fly = ~ jump air
    slide = ~
    swing = ~
    fight = wrestle ~ play bite
    dig = ~
    bite = chew ~ mouth eat play
    pull = tow drag ~
    push = ~
    watch = ~ look
    look = stare gaze ~ watch face camera
    talk = speak chat ~ phone
    read = ~ book newspaper
    sing = ~ microphone perform band
    pose = ~ stand smile camera picture
    paddle = row ~ boat kayak
    splash = ~ water
    shake = ~
    sniff = smell ~
    lick = ~
    kiss = ~
    hug = embrace ~
    lie = lay recline ~ rest sleep sit
    lean = ~
    crawl = ~
    dive = ~ jump
    point = ~
    race = ~ run
    wait = ~ stand
    paint = ~
    cook = ~
    smoke = ~ cigarette
    wear = ~
"""
_DOUBLED = frozenset("run jog sit swim dig hug grip nap chat drag grin".split())
_ON = ("on", "over", "with", "from")
"""Words after which a verb's object is asked for: "what is the man sitting on"."""

_AT = frozenset(["in", "on", "through", "across", "at", "along", "down"])
_PLAYED = frozenset("soccer football basketball baseball tennis hockey volleyball rugby guitar frisbee".split())
_SUIT = re.compile(r"\b(bathing|swim|wet|swimming) ?(suit|trunks|shorts)\b")
_WORN = frozenset(["in", "wearing", "wears", "with", "and", "a", "an", "has", "on", "his", "her"])


def gerund(verb: str) -> str:
    """Return what somebody is doing.

    >>> [gerund(verb) for verb in ("run", "ride", "carry", "lie", "ski")]
    ['running', 'riding', 'carrying', 'lying', 'skiing']
    """
    if verb in _DOUBLED:
        return f"{verb}{verb[-1]}ing"
    if verb.endswith("ie"):
        return f"{verb[:-2]}ying"
    return f"{verb[:-1]}ing" if verb.endswith("e") else f"{verb}ing"


def _third(verb: str) -> str:
    if verb.endswith(("ch", "sh", "ss")):
        return f"{verb}es"
    return f"{verb[:-1]}ies" if verb.endswith("y") and verb[-2] not in "aeo" else f"{verb}s"


def _verb_forms() -> tuple[dict[str, str], dict[str, frozenset[str]]]:
    forms: dict[str, str] = {}
    instead: dict[str, frozenset[str]] = {}
    for line in _VERBS.strip().splitlines():
        head, _, others = line.partition("~")
        name, _, same = head.partition("=")
        name = name.strip()
        instead[name] = frozenset(others.split())
        for verb in (name, *same.split()):
            forms |= {verb: name, gerund(verb): name, _third(verb): name}
    return forms, instead


_FORMS, INSTEAD = _verb_forms()
"""Of each verb the words where it might be true though nobody said it."""


@dataclass
class Facts:
    """What is known of one picture.

    Attributes:
        said: Every word and the names of what they mean.
        seen: Names of concepts, with the number of captions that name them.
        verbs: All verbs that were used.
        colours: Name of a thing -> its colours, joined by "_and_".
        counts: Name -> how many of them there are.
        does: Name of somebody -> verbs with the number of captions.
        objects: (somebody, verb, "on" or the like or "") -> what is ridden, held, sat on.
        wears: (somebody, name of clothes), as far as it was told.
        places: Name of somebody -> where.
        alone: What the only person is called; None where there are several, or none, or it is not sure.
    """

    said: set[str]
    seen: Counter[str] = field(default_factory=Counter)
    verbs: set[str] = field(default_factory=set)
    colours: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    does: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    objects: dict[tuple[str, str, str], str] = field(default_factory=dict)
    wears: set[tuple[str, str]] = field(default_factory=set)
    places: dict[str, str] = field(default_factory=dict)
    alone: str | None = None


def facts(captions: list[str]) -> Facts:
    """Read the captions of one picture; what they contradict each other in is left out.

    >>> found = facts(["A man in a red shirt rides a bike on the beach .", "A man is riding his bike ."])
    >>> found.colours, found.objects, found.places, found.wears
    ({'shirt': 'red'}, {('man', 'ride', ''): 'bike'}, {'man': 'beach'}, {('man', 'shirt')})
    """
    found = Facts(told(captions))
    colours: dict[str, list[str]] = defaultdict(list)
    counts: dict[str, list[int | None]] = defaultdict(list)
    parsed = []
    for caption in captions:
        words = tokenise(_SUIT.sub("swimsuit", caption.lower()))
        nouns = phrases(words)
        parsed.append((words, nouns))
        found.seen.update({name for noun in nouns for name in (noun.concept.name, *noun.concept.broader)})
        found.verbs |= {_FORMS[word] for word in words if word in _FORMS}
        for noun in nouns:
            if noun.colours and noun.concept.group != "people":
                colours[noun.concept.name].append("_and_".join(noun.colours))
        _count(nouns, counts)
    found.colours = {name: given[0] for name, given in colours.items() if len(set(given)) == 1}
    found.counts = {name: n for name, given in counts.items() if (n := _agreed(given, found.seen[name]))}
    found.alone = _name_of_the_only_one(found)
    _what_is_done(parsed, found)
    return found


def _name_of_the_only_one(found: Facts) -> str | None:
    """Return what most captions call the one person that there is."""
    if found.counts.get("person") != 1:
        return None
    names = ("man", "woman", "boy", "girl", "child", "person")
    return max(names, key=lambda name: (found.seen[name] if name not in ("child", "person") else 0.5, name))


def _what_is_done(parsed: list[tuple[list[str], list[Phrase]]], found: Facts) -> None:
    """Add verbs, their objects, clothes and places."""
    objects: dict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for words, nouns in parsed:
        for somebody, until in _subjects(nouns, len(words)):
            name = somebody.concept.name
            if found.alone and somebody.concept.group == "people":
                name = found.alone
            inside = [noun for noun in nouns if somebody.end <= noun.start < until]
            found.wears |= {(name, worn) for worn in _worn(words, somebody, inside)}
            for at, verb in _done(words, somebody, until, inside):
                found.does[name][verb] += 1
                if thing := _object(words, at, inside):
                    objects[name, verb, thing[0]][thing[1]] += 1
            for noun in inside:
                if noun.concept.group == "place" and words[_before(words, noun)] in _AT:
                    places[name][noun.concept.name] += 1
                elif words[noun.end : noun.end + 1] == ["in"] and words[noun.end + 2 : noun.end + 3] == ["mouth"]:
                    objects[name, "carry", "mouth"][noun.concept.name] += 1
    found.objects = {key: best for key, votes in objects.items() if (best := _first(votes))}
    found.places = {name: best for name, votes in places.items() if (best := _first(votes))}


def _count(nouns: list[Phrase], counts: dict[str, list[int | None]]) -> None:
    """Add how many of each one caption tells of; None where it leaves that open."""
    here: dict[str, int | None] = {}
    for noun in nouns:
        if noun.concept.group not in ("people", "animal"):
            continue
        for name in (noun.concept.name, *noun.concept.broader):
            before = here.get(name, 0)
            here[name] = None if before is None or noun.count is None else before + noun.count
    for name, number in here.items():
        counts[name].append(number)


def _agreed(given: list[int | None], captions: int) -> int | None:
    """Return the number that three captions, and most of those that give one, agree on."""
    votes = Counter(number for number in given if number is not None)
    if not votes:
        return None
    # Captions leave people out rather than make them up: of two numbers alike the larger.
    number, count = max(votes.items(), key=lambda item: (item[1], item[0]))
    return number if count >= 3 and count > 0.6 * captions else None


def _first(votes: Counter[str]) -> str | None:
    """Return what more captions say than anything else."""
    best = votes.most_common(2)
    return best[0][0] if len(best) == 1 or best[0][1] > best[1][1] else None


def _subjects(nouns: list[Phrase], length: int) -> list[tuple[Phrase, int]]:
    """List who may do something, with the number of the word where the next one begins."""
    who = [noun for noun in nouns if noun.concept.group in ("people", "animal")]
    return list(zip(who, [*(noun.start for noun in who[1:]), length], strict=False))


def _before(words: list[str], noun: Phrase) -> int:
    """Return the number of the word before a phrase and its article; 0 at the beginning."""
    at = noun.start - 1
    while at > 0 and (words[at] in NUMBERS or words[at] in ("a", "an", "the", "his", "her", "its", "their", "some")):
        at -= 1
    return max(at, 0)


def _worn(words: list[str], somebody: Phrase, inside: list[Phrase]) -> list[str]:
    """List what is worn: clothes in a row after "in", "wearing" or "with"."""
    at, worn = somebody.end, []
    for noun in inside:
        between = words[at : noun.start]
        if noun.concept.group != "clothes":
            break
        if not between or not (set(between) <= _WORN | {"is", "are", "dressed"}):
            break
        worn.append(noun.concept.name)
        at = noun.end
    return worn


def _done(words: list[str], somebody: Phrase, until: int, inside: list[Phrase]) -> list[tuple[int, str]]:
    """List verbs of somebody, with their places: every one in -ing, and the first that is told of him."""
    nouns = {at for noun in inside for at in range(noun.start, noun.end)}
    found = []
    for at in range(somebody.end, until):
        word = words[at]
        verb = _FORMS.get(word)
        if verb is None or verb == "wear" or at in nouns:
            continue
        if word.endswith("ing") or (word != verb and words[at - 1] not in ("a", "the")):
            found.append((at, verb))
    return found


def _object(words: list[str], at: int, inside: list[Phrase]) -> tuple[str, str] | None:
    """Return what a verb is about, after "on" or the like ("" where it follows at once)."""
    after = words[at + 1] if at + 1 < len(words) else ""
    if _FORMS[words[at]] == "play" and after in _PLAYED:
        return "", after
    for noun in inside:
        if noun.start <= at or noun.concept.group == "place":
            continue
        begin = _before(words, noun)
        if begin == at and _FORMS[words[at]] not in ("jump", "fly", "race"):
            return "", noun.concept.name
        if begin == at + 1 and words[begin] in _ON:
            return words[begin], noun.concept.name
        return None
    return None
