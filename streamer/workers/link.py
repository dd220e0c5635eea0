"""A connection to models: watched by a heartbeat, and made anew when it is lost."""

from __future__ import annotations

import asyncio
import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from streamer.clock import timeout
from streamer.workers import framing

PING_EVERY = 1.0
SILENCE_LIMIT = 8.0
"""Seconds without a sign of life after which it counts as lost, and a process is killed and started anew."""

START_LIMIT = 120.0
"""Seconds the models may take to load."""

PAUSE, LONGEST_PAUSE = 0.25, 10.0
"""Seconds before it is made anew; twice as many each time that it ends without having served, up to the longest."""

SERVED = 5.0
"""Seconds for which its models have to be up for it to have served."""

log = logging.getLogger("earshot.workers")


class Link(ABC):
    """A connection to models, which is made anew whenever it is lost.

    Args:
        name: In log lines.
        on_ready: Called with True when the models are up, with False when they are lost.
        on_message: Called with every message but those of the heartbeat.
        patience: How many times longer than an urgent one they may be silent or load.
        greeting: Sent before anything else; what is not for everyone's eyes, as a command line is.

    Attributes:
        starts: How often it was made.
        again: Whether it is made anew when it ends.
    """

    def __init__(
        self,
        name: str,
        on_ready: Callable[[bool], None],
        on_message: Callable[[framing.Message], None],
        patience: float = 1.0,
        greeting: framing.Message | None = None,
    ) -> None:
        self._name = name
        self._on_ready, self._on_message = on_ready, on_message
        self._patience, self._greeting = patience, greeting
        self.again = True
        self._ready, self._ready_at = False, math.inf
        self._writer: asyncio.StreamWriter | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self.starts = 0

    @abstractmethod
    def open(self) -> AbstractAsyncContextManager[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, for as long as the context lasts.

        Raises:
            OSError: There is nobody.
        """

    @property
    def pid(self) -> int | None:
        """Process number, None while there is none, or not here."""
        return None

    @property
    def ready(self) -> bool:
        """Whether the models are up."""
        return self._ready

    @property
    def waiting(self) -> int:
        """Bytes that were sent and not yet taken by the other side."""
        return self._writer.transport.get_write_buffer_size() if self._writer is not None else 0

    def start(self) -> None:
        """Start it; returns at once, `ready` turns true when the models are loaded."""
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervisor of {self._name}")

    async def close(self) -> None:
        """Stop it and wait until it is gone."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None

    async def ended(self) -> None:
        """Wait until it has ended and is not to be started `again`."""
        if self._supervisor is not None:
            await asyncio.wait([self._supervisor])

    def send(self, message: framing.Message) -> None:
        """Send a message; does nothing while the models are not up."""
        if self._ready and self._writer is not None and not self._writer.is_closing():
            self._writer.write(framing.encode(message))

    async def drain(self) -> None:
        """Wait until little of what was sent waits for the other side.

        Raises:
            ConnectionError: It went meanwhile.
        """
        if self._writer is not None:
            await self._writer.drain()

    async def _supervise(self) -> None:
        loop, pause = asyncio.get_running_loop(), PAUSE
        while self.again:
            self.starts += 1
            self._ready_at = math.inf
            try:
                await self._run()
            except (OSError, ValueError, TimeoutError, asyncio.IncompleteReadError) as error:
                if self.again:
                    log.warning("%s lost: %s", self._name, error or type(error).__name__)
            except Exception:
                # Whatever it was, a call without models is better than no supervisor.
                log.exception("%s lost", self._name)
            if loop.time() - self._ready_at > SERVED:
                pause = PAUSE
            if self.again:
                await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _run(self) -> None:
        async with self.open() as (reader, self._writer):
            if self._greeting is not None:
                self._writer.write(framing.encode(self._greeting))
            pinger: asyncio.Task[None] | None = None
            try:
                async with timeout(START_LIMIT * self._patience):
                    await framing.read(reader)
                log.info("%s is ready%s", self._name, f" (process {self.pid})" if self.pid is not None else "")
                self._ready_at = asyncio.get_running_loop().time()
                self._set_ready(True)
                pinger = asyncio.create_task(self._ping(), name=f"ping of {self._name}")
                while True:
                    async with timeout(SILENCE_LIMIT * self._patience):
                        guarded(self._on_message, await framing.read(reader))
            finally:
                if pinger is not None:
                    pinger.cancel()
                self._set_ready(False)
                self._writer.close()

    def _set_ready(self, ready: bool) -> None:
        if ready != self._ready:
            self._ready = ready
            guarded(self._on_ready, ready)

    async def _ping(self) -> None:
        n = 0
        while True:
            n += 1
            self.send({"type": "ping", "n": n})
            await asyncio.sleep(PING_EVERY)


def guarded(callback: Callable[..., None], *arguments: object) -> None:
    """Call back; what goes wrong there is a fault of one session and not of the models."""
    try:
        callback(*arguments)
    except Exception:
        log.exception("a callback of the models failed")
