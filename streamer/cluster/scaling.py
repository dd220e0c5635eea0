"""How many media servers there are to be: more when those there are fall behind, fewer when they idle for long."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_LATE = 0.02
"""Share of blocks whose voices may be late: `bench.load` calls half of it holding."""

MOST_DROPPED = 0.5
"""Share of pictures that the models may leave out; faces are followed with every other one."""

MOST_LAG = 0.05
"""Seconds by which the event loop may come too late: half of what `/ready` takes for too busy."""

IDLE = 0.1
"""Share of those limits under which a server idles."""

GROW_SECONDS, SHRINK_SECONDS = 10.0, 300.0
"""For which there have to be too few of them, or too many."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a media server has to do.

    Attributes:
        rooms: that it has.
        late: share of blocks whose voices were late in the last 10 s.
        dropped: share of pictures that the models left out meanwhile.
        lag: seconds by which its event loop comes too late.
    """

    rooms: int = 0
    late: float = 0.0
    dropped: float = 0.0
    lag: float = 0.0

    @property
    def pressure(self) -> float:
        """How busy it is: 1 at the limit of whatever is nearest to its own."""
        return max(self.late / MOST_LATE, self.dropped / MOST_DROPPED, self.lag / MOST_LAG)


class Scaling:
    """Decides, between bounds.

    Args:
        least: servers there are always.
        most: and at the most.
    """

    def __init__(self, least: int, most: int) -> None:
        self.least, self.most = least, most
        self._busy_since: float | None = None
        self._idle_since: float | None = None

    def wanted(self, loads: Mapping[str, Load], now: float) -> int:
        """Return how many there should be.

        Args:
            loads: of those there are, by name; those on the way out left out.
            now: monotonic time, seconds.
        """
        count = len(loads)
        if count < self.least or count > self.most:
            return min(max(count, self.least), self.most)
        pressures = [load.pressure for load in loads.values()]
        # A new one takes new rooms alone: it helps as soon as there is nowhere good for one.
        self._busy_since = self._since(self._busy_since, min(pressures) > 1, now)
        # The rooms of one have to fit in with those of the others.
        idle = count > 1 and sum(pressures) / (count - 1) < IDLE
        self._idle_since = self._since(self._idle_since, idle, now)
        if self._busy_since is not None and now - self._busy_since >= GROW_SECONDS and count < self.most:
            self._busy_since = None
            return count + 1
        if self._idle_since is not None and now - self._idle_since >= SHRINK_SECONDS and count > self.least:
            self._idle_since = None
            return count - 1
        return count

    @staticmethod
    def _since(before: float | None, now_so: bool, now: float) -> float | None:
        return (before if before is not None else now) if now_so else None


def first_to_go(loads: Mapping[str, Load]) -> str:
    """Return whom the fewest rooms have to leave."""
    return min(loads, key=lambda name: (loads[name].rooms, name))
