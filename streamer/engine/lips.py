"""Where the lips of a face were over the last seconds."""

from __future__ import annotations

from bisect import bisect

import numpy as np

from models.common.arrays import F32

LIP_HISTORY = 2.0
"""Seconds of lip positions kept per face."""

LIPS_STALE = 0.25
"""Seconds after which the last lips seen no longer say anything."""


class Lips:
    """Lip positions of one face over the last `LIP_HISTORY` seconds.

    One thread adds and another reads: what is kept is replaced whole.
    """

    def __init__(self) -> None:
        self._seen: tuple[tuple[float, F32, bool], ...] = ()

    def between(self, begin: float, end: float) -> F32 | None:
        """Return the lip numbers (K, 4) of the pictures of a time in which they were visible, None if in none."""
        chosen = [values for t, values, visible in self._seen if begin < t <= end and visible]
        return np.stack(chosen) if chosen else None

    def add(self, t: float, values: F32, visible: bool) -> None:
        """Append what was seen at `t` seconds; four numbers."""
        if self._seen and t <= self._seen[-1][0]:
            return
        kept = [one for one in self._seen if t - one[0] <= LIP_HISTORY]
        self._seen = (*kept, (t, values, visible))

    def at(self, t: float) -> tuple[F32, bool]:
        """Return the lips at `t`, interpolated, and whether they can be trusted."""
        seen = self._seen
        i = bisect([one[0] for one in seen], t)
        if i == 0:
            return (seen[0][1], False) if seen else (np.zeros(4, np.float32), False)
        before, values, trusted = seen[i - 1]
        if i == len(seen):
            return values, trusted and t - before <= LIPS_STALE
        after, later, trusted_later = seen[i]
        span = after - before
        share = np.float32((t - before) / span)
        return (1 - share) * values + share * later, trusted and trusted_later and span <= LIPS_STALE
