"""Names of STUN and TURN servers, looked up where a lookup that hangs keeps nothing else waiting.

aioice asks on asyncio's own threads, which encode sound as well: with a name server that is silent, a thread hangs for
some 20 s with each join.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

THREADS = 2
"""For all lookups: each name is looked up once at a time, and there are two or three."""


class Names:
    """Looks names up.

    Args:
        lookup: gives the address of a name, or raises OSError; may take long.
    """

    def __init__(self, lookup: Callable[[str], str] = lambda name: socket.gethostbyname(name)) -> None:
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(THREADS, "names")
        self._pending: dict[str, Future[str]] = {}

    async def find(self, name: str, seconds: float) -> str | None:
        """Return the address of a name.

        Args:
            name: or an address, which is returned as it is.
            seconds: that it may take.

        Returns:
            None if there is none, or it did not come in time.
        """
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            pass
        pending = self._pending.get(name)
        if pending is None or pending.done():
            pending = self._pending[name] = self._threads.submit(self._lookup, name)
        # Others may wait for it, too: it is not cancelled. What it says when nobody waits any more is no news.
        answer = asyncio.wrap_future(pending)
        answer.add_done_callback(lambda late: late.cancelled() or late.exception())
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(answer)
        except (OSError, TimeoutError, UnicodeError):
            return None


NAMES = Names()
"""Of this process."""
