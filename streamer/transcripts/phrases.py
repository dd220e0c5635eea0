"""Where subtitles are cut and their lines broken: after sentences and clauses, not inside what belongs together.

Limits: Netflix, "Timed Text Style Guide: General Requirements" and "English (USA) Timed Text Style Guide",
https://partnerhelp.netflixstudios.com/hc/en-us/articles/215758617.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf

from streamer.transcripts.words import Word

LINE, LINES = 42, 2
"""Most characters on a line, and most lines, of a subtitle."""

LONGEST = 7.0
"""Most seconds that a subtitle stands."""

SHORTEST = 1.0
"""Least seconds; the guide allows 5/6."""

PAUSE = 1.5
"""Seconds without a word after which a new subtitle begins."""

END = (".", "!", "?", "\u2026", "\u3002", "\uff01", "\uff1f", "\u061f")
CLAUSE = (",", ";", ":", "\u2014", "\u2013", "\uff0c", "\u3001", "\u060c", "\uff1b")
CLOSING = "\"'\u201d\u2019)]\u00bb"
"""Marks after a sentence and after a clause, Chinese and Arabic ones among them, and what may follow them."""

OPENS = frozenset(
    "and but or nor so yet because if when while although though since unless until that which who whom whose where "
    "why how than as about above across after against along among around at before behind below beneath beside "
    "between beyond by despite down during for from in inside into like near of off on onto out over past through "
    "to toward towards under up upon with within without".split()
)
"""Conjunctions and prepositions: a line may well begin with one."""

CLINGS = frozenset(
    "a an the my your his her its our their this these those some any no every each i you he she it we they am is are "
    "was were be been being have has had do does did will would shall should can could may might must not very more "
    "most too and but or of to in on at for with from by as if that mr. mrs. ms. dr. prof. st.".split()
)
"""Words that a line should not end with: articles, pronouns, auxiliaries, and what opens a phrase."""

FRAGMENT = 1000.0
"""Cost of a subtitle of one word that is torn off its sentence: more than all else."""


def cut(words: Sequence[Word]) -> list[list[Word]]:
    """Cut what one speaker says into subtitles.

    Args:
        words: In their order; none longer than a line (see `split_long`).

    Returns:
        All words, in groups that fit into two lines and are said within seven seconds, at the best places for that.
    """
    groups: list[list[Word]] = []
    first = 0
    for i in range(1, len(words) + 1):
        if i == len(words) or words[i].opens or words[i].start - words[i - 1].end > PAUSE:
            groups += _cut_run(words[first:i])
            first = i
    return groups


def _cut_run(words: Sequence[Word]) -> list[list[Word]]:
    """Cut words without a long pause between them: the cheapest way, found from the end."""
    count = len(words)
    cost, after = [inf] * count + [0.0], [count] * (count + 1)
    for i in range(count - 1, -1, -1):
        length = -1
        for j in range(i + 1, count + 1):
            length += len(words[j - 1].text) + 1
            alone = j == i + 1
            if length > LINE * LINES + 1 or (words[j - 1].end - words[i].start > LONGEST and not alone):
                break
            if length > LINE and not alone and not _fits(words, i, j):
                continue
            total = _cost(words, i, j) + cost[j]
            if total < cost[i]:
                cost[i], after[i] = total, j
    groups, i = [], 0
    while i < count:
        groups.append(list(words[i : after[i]]))
        i = after[i]
    return groups


def _fits(words: Sequence[Word], i: int, j: int) -> bool:
    """Return whether words i..j-1 fit into two lines: the first takes as many as it can."""
    upper, lower = -1, -1
    for k in range(i, j):
        size = len(words[k].text) + 1
        if lower < 0 and upper + size <= LINE:
            upper += size
        else:
            lower += size
    return lower <= LINE


def _cost(words: Sequence[Word], i: int, j: int) -> float:
    """Return how bad a subtitle of words i..j-1 would be."""
    total = 2.0
    if j < len(words):
        total += _breaking(words[j - 1].text, words[j].text)
    begins, ends = i == 0 or ends_sentence(words[i - 1].text), j == len(words) or ends_sentence(words[j - 1].text)
    if j - i == 1 and not (begins and ends):
        total += FRAGMENT
    until = words[j].start if j < len(words) else inf
    if until - words[i].start < SHORTEST:
        # It would have to stand on while the next is already said.
        total += 12.0
    # A pause inside shows words before they are said; sentences that follow each other may share a subtitle.
    for k in range(i + 1, j):
        pause = words[k].start - words[k - 1].end - 0.3
        if pause > 0:
            total += 4.0 * pause
        if ends_sentence(words[k - 1].text):
            total += 3.0
    return total


@lru_cache(maxsize=4096)
def _breaking(before: str, after: str) -> float:
    """Return how bad it is to part two words that follow each other."""
    plain = before.rstrip(CLOSING)
    if ends_sentence(before):
        return 0.0
    if plain.endswith(CLAUSE):
        return 3.0
    if before.casefold() in CLINGS:
        return 14.0
    return 5.0 if after.casefold().rstrip(".,!?") in OPENS else 9.0


@lru_cache(maxsize=4096)
def ends_sentence(word: str) -> bool:
    """Return whether a sentence ends with this word."""
    plain = word.rstrip(CLOSING)
    return plain.endswith(END) and plain.casefold() not in CLINGS


def best_break(words: Sequence[Word]) -> int | None:
    """Return how many words go on the first of two lines, None if they do not fit into two."""
    lengths = [len(word.text) for word in words]
    upper, lower = -1, sum(lengths) + len(lengths) - 1
    whole = lower
    best: tuple[float, int] | None = None
    for i in range(1, len(words)):
        upper += lengths[i - 1] + 1
        lower = whole - upper - 1
        if upper > LINE or lower > LINE:
            continue
        # Of two equal places the more even one, and rather a short line above a long one.
        bad = _breaking(words[i - 1].text, words[i].text) + abs(upper - lower) / 6 + (1.0 if upper > lower else 0.0)
        if best is None or bad < best[0]:
            best = bad, i
    return None if best is None else best[1]


def lines(words: Sequence[Word]) -> tuple[str, ...]:
    """Lay a subtitle out: on one line if it fits, else on two."""
    whole = " ".join(word.text for word in words)
    at = best_break(words) if len(whole) > LINE else None
    if at is None:
        return (whole,)
    return " ".join(word.text for word in words[:at]), " ".join(word.text for word in words[at:])


def split_long(word: Word) -> list[Word]:
    """Return a word in pieces that fit on a line; writing without spaces comes as one long word."""
    if len(word.text) <= LINE:
        return [word]
    whole = len(word.text)
    count = -(-whole // LINE)
    cuts = [k * whole // count for k in range(count + 1)]
    times = [word.start + (word.end - word.start) * at / whole for at in cuts]
    return [Word(word.text[cuts[k] : cuts[k + 1]], times[k], times[k + 1]) for k in range(count)]
