"""Short phrases inside a sentence: what is left between its function words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

FUNCTION_WORDS = frozenset(
    """a an the this that these those some any each another other its it he she they them his her their him i you we
    my your our us me is are was were be been being am do does did has have had will would can could should may might
    must not no and or but while as if than then so of in on at to from by for with into onto over under near beside
    behind between through across along around against up down out off about after before during toward towards
    there here who what which where when how why 's very just also both all what's it's i'm""".split()
)
"""Words that say how others belong together and name nothing by themselves."""


def content_words(words: Iterable[str]) -> list[str]:
    """Return the words that name, describe or count something.

    >>> content_words(["where", "is", "the", "red", "car"])
    ['red', 'car']
    """
    return [word for word in words if word not in FUNCTION_WORDS]


def chunks(words: Sequence[str], longest: int = 4) -> list[list[str]]:
    """Find runs of content words, as somebody would type them into a search box.

    Args:
        words: of one sentence, lower case.
        longest: runs of more words are left out, since they are sentences without their small words.

    >>> chunks("a black dog is running after a white dog in the snow".split())
    [['black', 'dog'], ['running'], ['white', 'dog'], ['snow']]
    """
    found: list[list[str]] = []
    run: list[str] = []
    for word in (*words, "the"):
        if word not in FUNCTION_WORDS:
            run.append(word)
            continue
        if 0 < len(run) <= longest:
            found.append(run)
        run = []
    return found
