"""Models in a process of somebody else's, behind a `Hub`: perhaps on another machine, and used by others too."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from streamer.clock import timeout
from streamer.workers import framing
from streamer.workers.handshake import introduce
from streamer.workers.link import Link

CONNECT_SECONDS = 5.0
"""Time to find a hub, to connect to it, and for both to show the key."""


@dataclass(frozen=True)
class Place:
    """Where models are.

    Attributes:
        name: In log lines.
        find: Gives the host and the port of a hub, asked anew for each connection; raises OSError if there is none.
        key: That it has too.
    """

    name: str
    find: Callable[[], Awaitable[tuple[str, int]]]
    key: bytes


class RemoteModels(Link):
    """Is connected to a hub; where that ends, to whichever is found then.

    Args:
        place: Where they are.
        on_ready: See `Link`, and likewise what follows.
    """

    def __init__(
        self,
        place: Place,
        on_ready: Callable[[bool], None],
        on_message: Callable[[framing.Message], None],
        patience: float = 1.0,
    ) -> None:
        super().__init__(place.name, on_ready, on_message, patience)
        self._place = place

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, for as long as the context lasts.

        Raises:
            OSError: There is none, or it has another key.
            TimeoutError: It does not answer.
        """
        async with contextlib.AsyncExitStack() as stack:
            async with timeout(CONNECT_SECONDS):
                reader, writer = await asyncio.open_connection(*await self._place.find())
                stack.callback(writer.close)
                await introduce(reader, writer, self._place.key)
            yield reader, writer
