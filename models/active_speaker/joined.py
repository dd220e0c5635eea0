"""Speakers that turned out to be somebody else known."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce


def now(joined: Iterable[tuple[int, int]], id: int) -> int:
    """Return the number of a speaker in the end; `joined` are (gone, stays) each, in order."""
    return reduce(lambda now, pair: pair[1] if now == pair[0] else now, joined, id)
