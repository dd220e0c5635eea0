"""What one keeper has of rooms: in memory, no more than there is place for, no longer than it is wanted."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_BYTES = 1 << 30
"""That one keeper holds; the rooms that were put longest ago go first."""

SWEEP_SECONDS = 30.0
"""Time between two looks for rooms that are kept no more."""


class Kept:
    """Rooms in memory, each with when it was put and until when it is to be kept.

    Args:
        most: bytes at most.
        clock: Unix seconds, as both machines have them.
    """

    def __init__(self, most: int = MOST_BYTES, clock: Callable[[], float] = time.time) -> None:
        self._rooms: OrderedDict[str, tuple[float, float, bytes]] = OrderedDict()
        self._most, self._clock = most, clock
        self._bytes = 0
        self._sweeps_at = 0.0

    def put(self, room: str, data: bytes, lifetime: float) -> None:
        """Replace what is kept of a room, for `lifetime` seconds."""
        now = self._clock()
        self.load({room: (now, now + lifetime, data)})

    def get(self, room: str) -> tuple[float, bytes] | None:
        """Return when a room was put, and what; None if nothing is kept."""
        at, until, data = self._rooms.get(room, (0.0, 0.0, b""))
        if until <= self._clock():
            self.drop(room)
            return None
        return at, data

    def drop(self, room: str) -> None:
        """Forget a room."""
        _, _, data = self._rooms.pop(room, (0.0, 0.0, b""))
        self._bytes -= len(data)

    def load(self, rooms: dict[str, tuple[float, float, bytes]]) -> None:
        """Take in what another one has, unless what is here is newer."""
        for room, entry in rooms.items():
            if room in self._rooms and self._rooms[room][0] > entry[0]:
                continue
            self.drop(room)
            self._rooms[room] = entry
            self._bytes += len(entry[2])
        now = self._clock()
        if now >= self._sweeps_at:
            self._sweeps_at = now + SWEEP_SECONDS
            for room in [room for room, (_, until, _) in self._rooms.items() if until <= now]:
                self.drop(room)
        while self._bytes > self._most:
            self.drop(next(iter(self._rooms)))

    def all(self) -> dict[str, tuple[float, float, bytes]]:
        """Return everything."""
        return dict(self._rooms)
