"""How questions call things: articles, plurals, pronouns, and other words for the same."""

from __future__ import annotations

import random

_PLURALS = {"man": "men", "woman": "women", "child": "children", "person": "people", "sheep": "sheep"}
UNCOUNTED = frozenset(["snow", "ice", "grass", "water", "dirt", "food"])
SEVERAL = frozenset(["glasses", "pants", "shorts", "gloves", "shoes", "skates"])
PRONOUNS = {"man": ("he", "his"), "boy": ("he", "his"), "woman": ("she", "her"), "girl": ("she", "her")}
_ALSO = {
    "bike": "bicycle", "couch": "sofa", "hat": "cap", "jacket": "coat", "shirt": "t-shirt", "pants": "trousers",
    "street": "road", "forest": "woods", "grass": "lawn", "mountain": "hill", "child": "kid", "children": "kids",
    "man": "guy", "men": "guys", "woman": "lady", "women": "ladies", "picture": "photo", "phone": "cellphone",
    "drink": "beer", "toy": "doll", "car": "truck", "building": "house", "bag": "purse", "beach": "sand",
}  # fmt: skip
ANYBODY = ("anybody", "anyone", "somebody", "someone")


def plural(name: str) -> str:
    """Return the plural of a concept's name.

    >>> [plural(name) for name in ("dog", "person", "bench", "puppy", "glasses")]
    ['dogs', 'people', 'benches', 'puppies', 'glasses']
    """
    if name in _PLURALS or name in SEVERAL:
        return _PLURALS.get(name, name)
    if name.endswith("y") and name[-2] not in "aeo":
        return f"{name[:-1]}ies"
    return f"{name}es" if name.endswith(("ch", "sh", "s", "x")) else f"{name}s"


def some(name: str) -> str:
    """Return a name with the article it needs: "a dog", "an umbrella", "snow", "glasses"."""
    if name in UNCOUNTED or name in SEVERAL:
        return name
    return f"an {name}" if name[0] in "aeiou" and name != "uniform" else f"a {name}"


def other_words(text: str, rng: random.Random) -> str:
    """Say a tenth of the words otherwise where there is another for the same."""
    return " ".join(_ALSO[word] if word in _ALSO and rng.random() < 0.1 else word for word in text.split())
