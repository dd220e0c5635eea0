"""What comes in one packet and is longer than a block goes on a block at a time, evenly."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

B = TypeVar("B")


class Spread(Generic[B]):
    """Hands on each block of a packet when its turn comes; what is left of one goes when the next packet comes.

    So the delay of every block is the same, and a packet that is early or late moves only what it must. For use on the
    event loop.

    Args:
        period: seconds of a block.
        hand_on: gets each block, in order.
    """

    def __init__(self, period: float, hand_on: Callable[[B], None]) -> None:
        self._period = period
        self._hand_on = hand_on
        self._waiting: deque[B] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def step(self, blocks: Sequence[B], spread: int) -> None:
        """Take what a packet completed.

        Args:
            blocks: in order.
            spread: how many of them, the last, are the packet's own: those before fill a gap, and are late already.
        """
        self.flush()
        at_once = len(blocks) - max(spread, 1) + 1
        for block in blocks[: max(at_once, 1)]:
            self._hand_on(block)
        self._waiting.extend(blocks[max(at_once, 1) :])
        if self._waiting:
            self._set_timer(asyncio.get_running_loop().time())

    def flush(self) -> None:
        """Hand on all that waits."""
        self._stop_timer()
        while self._waiting:
            self._hand_on(self._waiting.popleft())

    def close(self) -> None:
        """Throw away what waits."""
        self._stop_timer()
        self._waiting.clear()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, since: float) -> None:
        due = since + self._period
        self._timer = asyncio.get_running_loop().call_at(due, self._next, due)

    def _next(self, due: float) -> None:
        self._timer = None
        self._hand_on(self._waiting.popleft())
        if self._waiting:
            self._set_timer(due)
