"""Puts sound packets in order, and holds them for no longer than disorder takes to be undone.

aiortc's own buffer hands out one frame for each packet that comes: it holds four packets always (80 ms), and after one
lost packet 16 (0.32 s) for the rest of the call. This one holds a packet until so many later ones are there as lately
overtook one, which is none where packets come in order, or until it has waited too long: who is silent may send no more
than a packet every 0.4 s. How evenly packets come is no business of this: whoever plays them has a buffer for that.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

JUMP = 100
"""Sequence numbers further away than this are a new beginning, not a loss."""

CALM = 500
"""Packets for which the worst disorder is remembered at least, and twice as many at most: 10 s of 20 ms."""


class Numbered(Protocol):
    """A packet with a 16-bit sequence number."""

    sequence_number: int


P = TypeVar("P", bound=Numbered)


class Reorder(Generic[P]):
    """Holds packets until `depth` of them wait, then lets them go in the order of their numbers.

    Args:
        least: packets that wait in steady state at least, from 0.
        most: and at most, however much disorder there is.
        release: gets each packet in order, and when it came.
        patience: seconds that one waits at most; whoever owns this calls `expire` then.

    Attributes:
        late: packets dropped: those that were given up before they came, and duplicates.
        lost: packets given up.
    """

    def __init__(self, least: int, most: int, release: Callable[[P, float], None], patience: float = math.inf) -> None:
        if not 0 <= least <= most:
            raise ValueError(f"a depth of {least} to {most} packets")
        self.least, self.most = least, most
        self.late = 0
        self.lost = 0
        self._release = release
        self._next: int | None = None
        self._newest = 0
        self._patience = patience
        self._waiting: dict[int, tuple[float, P]] = {}
        self._given_up: deque[int] = deque(maxlen=JUMP)
        self._overtaken = (0, 0)
        self._count = 0

    @property
    def depth(self) -> int:
        """Packets that wait just now before the first is let go."""
        return min(max(self.least, *self._overtaken), self.most)

    @property
    def due(self) -> float:
        """When the next one will have waited long enough: never where none waits."""
        return min((at for at, _ in self._waiting.values()), default=math.inf) + self._patience

    def step(self, packet: P, now: float = 0.0) -> None:
        """Take a packet as it comes off the wire; duplicates and those that come too late are dropped.

        Args:
            packet: the next one.
            now: seconds on any steady clock.
        """
        number = packet.sequence_number
        if self._next is None:
            self._next = self._newest = number
        ahead = self._ahead(number)
        if abs(ahead) > JUMP:
            self.flush()
            self._next, self._newest, ahead = number, number, 0
            self._given_up.clear()
        self._count += 1
        if self._count % CALM == 0:
            self._overtaken = 0, self._overtaken[0]
        if number in self._waiting or (ahead < 0 and number not in self._given_up):
            self.late += 1
            return
        behind = self._ahead(self._newest) - ahead
        self._overtaken = max(self._overtaken[0], behind), self._overtaken[1]
        if ahead < 0:
            self._given_up.remove(number)
            self.late += 1
            return
        if behind < 0:
            self._newest = number
        self._waiting[number] = now, packet
        while len(self._waiting) > self.depth:
            self._let_go()

    def expire(self, now: float) -> None:
        """Let those go that have waited long enough, and all before them."""
        while self.due <= now:
            self._let_go()

    def flush(self) -> None:
        """Let all go that wait."""
        while self._waiting:
            self._let_go()

    def _ahead(self, number: int) -> int:
        assert self._next is not None
        return (number - self._next + 0x8000) % 0x10000 - 0x8000

    def _let_go(self) -> None:
        number = min(self._waiting, key=self._ahead)
        for missing in range(self._ahead(number)):
            self.lost += 1
            self._given_up.append(((self._next or 0) + missing) & 0xFFFF)
        self._next = (number + 1) & 0xFFFF
        came, packet = self._waiting.pop(number)
        self._release(packet, came)
