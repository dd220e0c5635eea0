"""Which media server has a room: where it is already, else by rendezvous hashing, so that nothing has to be remembered.

Every server draws a number for every room (Thaler and Ravishankar, 1998); the highest has it. When a server goes only
its own rooms move, and when it comes back, rooms that live elsewhere by then stay there whole.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

PIN_SECONDS = 10.0
"""For which a room stays where somebody was sent for it, before its server has said that it has it."""

MOST_PINS = 4096
"""Rooms that are remembered so, at most: strangers can ask for any number of them."""

MOST_DRAWS = 1000
"""Ids that are drawn for a new room, until one falls to the server that has the fewest."""


@dataclass
class Member:
    """One media server, as the front door knows it.

    Attributes:
        host: where its signalling is reached.
        port: likewise.
        rooms: ids of those it has.
        ready: whether it serves calls as meant.
        draining: whether it takes no further room.
        leaving: whether its rooms, too, are to be had elsewhere from now on.
        url: where clients reach it themselves; empty if they do by the front door alone.
    """

    host: str
    port: int
    rooms: frozenset[str] = field(default_factory=frozenset)
    ready: bool = True
    draining: bool = False
    leaving: bool = False
    url: str = ""


def weight(server: str, room: str) -> int:
    """Return the number that a server draws for a room: the same everywhere and always."""
    return int.from_bytes(hashlib.blake2b(f"{server}/{room}".encode(), digest_size=8).digest())


class Placement:
    """The media servers there are, by name, and which of them has a room.

    Args:
        clock: monotonic time, seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.members: dict[str, Member] = {}
        self._clock = clock
        self._pins: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def update(self, name: str, member: Member) -> None:
        """Take in what a server says of itself."""
        self.members[name] = member

    def remove(self, name: str) -> None:
        """Forget a server that has gone; its rooms fall to the others."""
        self.members.pop(name, None)

    def of(self, room: str) -> str | None:
        """Return the server that has a room, or is to have it.

        Args:
            room: id.

        Returns:
            Its name; None if there is no server at all.
        """
        for name, member in self.members.items():
            if room in member.rooms and not member.leaving:
                return name
        now = self._clock()
        name, until = self._pins.pop(room, ("", 0.0))
        if name not in self.members or self.members[name].leaving or now >= until:
            chosen = self._highest(room)
            if chosen is None:
                return None
            name, until = chosen, now + PIN_SECONDS
        self._pins[room] = name, until
        while len(self._pins) > MOST_PINS:
            self._pins.popitem(last=False)
        return name

    def new_room(self, draw: Callable[[], str] = lambda: secrets.token_hex(5)) -> str:
        """Draw the id of a new room until it falls to a server that has the fewest: by hashing it is found there.

        Args:
            draw: draws an id.

        Returns:
            The id; any if there is no server.
        """
        loads = {name: self._load(name) for name in self._open()}
        room = draw()
        for _ in range(MOST_DRAWS):
            name = self._highest(room)
            if name is None or loads[name] == min(loads.values()):
                break
            room = draw()
        return room

    def any(self) -> str | None:
        """Return the server that has the fewest rooms, for what belongs to none; None without a server."""
        return min(self._open(), key=self._load, default=None)

    def _load(self, name: str) -> int:
        now = self._clock()
        pinned = {room for room, (there, until) in self._pins.items() if there == name and now < until}
        return len(self.members[name].rooms | pinned)

    def _open(self) -> Iterable[str]:
        """Return those that take new rooms: the ready ones if there are any, and at the worst all of them."""
        staying = [name for name, member in self.members.items() if not member.leaving]
        taking = [name for name in staying if not self.members[name].draining]
        ready = [name for name in taking if self.members[name].ready]
        return ready or taking or staying

    def _highest(self, room: str) -> str | None:
        return max(self._open(), key=lambda name: weight(name, room), default=None)
