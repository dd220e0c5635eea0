"""Puts sound packets in order with a short, constant delay.

aiortc's own buffer hands out one frame for each packet that comes: after one lost packet it holds 16 packets
(0.32 s) for the rest of the call. This one gives up a missing packet as soon as `depth` later ones are there, or when
one of them has waited too long: who is silent may send no more than a packet every 0.4 s.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

JUMP = 100
"""Sequence numbers further away than this are a new beginning, not a loss."""


class Numbered(Protocol):
    """A packet with a 16-bit sequence number."""

    sequence_number: int


P = TypeVar("P", bound=Numbered)


class Reorder(Generic[P]):
    """Holds packets until `depth` of them wait, then lets them go in the order of their numbers.

    Args:
        depth: packets that wait in steady state, at least 0.
        release: gets each packet, in order.
        patience: seconds that one waits at most; whoever owns this calls `expire` then.
    """

    def __init__(self, depth: int, release: Callable[[P], None], patience: float = math.inf) -> None:
        if depth < 0:
            raise ValueError(f"a depth of {depth} packets")
        self.depth = depth
        self.late = 0
        self.lost = 0
        self._release = release
        self._next: int | None = None
        self._patience = patience
        self._waiting: dict[int, tuple[float, P]] = {}

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
        if self._next is None:
            self._next = packet.sequence_number
        ahead = self._ahead(packet.sequence_number)
        if abs(ahead) > JUMP:
            self.flush()
            self._next, ahead = packet.sequence_number, 0
        if ahead < 0 or packet.sequence_number in self._waiting:
            self.late += 1
            return
        self._waiting[packet.sequence_number] = now, packet
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
        self.lost += self._ahead(number)
        self._next = (number + 1) & 0xFFFF
        self._release(self._waiting.pop(number)[1])
