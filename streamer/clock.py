"""Time for a server whose system clock may be set anew, and whose machine may sleep.

The system's clock steps when it is set. The monotonic one never does, but while a process is stopped or a virtual
machine is paused it goes on: whoever wakes finds every deadline passed at once, though nobody had a chance to keep it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

STOOD_STILL = 1.0
"""Seconds by which the loop may be late; later, it is this machine that slept, and nobody else who was silent."""

_UNIX_MINUS_MONOTONIC = time.time() - time.monotonic()


def now() -> float:
    """Return the server's time in Unix seconds; never steps, unlike the system clock."""
    return _UNIX_MINUS_MONOTONIC + time.monotonic()


def origin() -> float:
    """Return what the server's time adds to the monotonic one, which all processes of a machine share."""
    return _UNIX_MINUS_MONOTONIC


def share(origin: float) -> None:
    """Have the same time as another process of this machine, which has this `origin`."""
    global _UNIX_MINUS_MONOTONIC
    _UNIX_MINUS_MONOTONIC = origin


class Deadline:
    """Calls back after some seconds; where that comes late because this process stood still, after as many more.

    Args:
        seconds: to wait.
        then: is called on the event loop, unless `cancel` comes first.
    """

    def __init__(self, seconds: float, then: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds, self._then = seconds, then
        self._timer = self._loop.call_later(seconds, self._passed)

    def cancel(self) -> None:
        """Call nobody any more."""
        self._timer.cancel()

    def _passed(self) -> None:
        if self._loop.time() > self._timer.when() + STOOD_STILL:
            self._timer = self._loop.call_later(self._seconds, self._passed)
        else:
            self._then()


@contextlib.asynccontextmanager
async def timeout(seconds: float) -> AsyncIterator[None]:
    """Do as `asyncio.timeout` does, by a `Deadline`.

    Raises:
        TimeoutError: the block took longer.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as block:
        deadline = Deadline(seconds, lambda: block.reschedule(loop.time()))
        try:
            yield
        finally:
            deadline.cancel()
