"""A process with models in it: started, spoken to over a socket pair, and started anew when it dies."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from streamer.workers import framing
from streamer.workers.link import Link


class ModelProcess(Link):
    """Owns one process.

    Args:
        module: Python module to run; it is given the number of its socket, then `arguments`.
        arguments: What else it wants on its command line.
        on_ready: See `Link`, and likewise what follows.
    """

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        on_ready: Callable[[bool], None],
        on_message: Callable[[framing.Message], None],
        patience: float = 1.0,
        greeting: framing.Message | None = None,
    ) -> None:
        super().__init__(module, on_ready, on_message, patience, greeting)
        self._arguments = tuple(arguments)
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """Process number, None while there is none."""
        return self._process.pid if self._process else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Start it, and connect by a socket pair; at the end wait for its."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self._name, str(theirs.fileno()), *self._arguments),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
            )
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            yield reader, writer
        finally:
            await self._end(self._process)
            self._process = None

    @staticmethod
    async def _end(process: asyncio.subprocess.Process) -> None:
        """Wait for the end, of which the closed socket tells it; kill one that stays."""
        try:
            async with asyncio.timeout(3):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
