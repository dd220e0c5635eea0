"""One process of models for several servers, which come by TCP: what they all send is worked on in the same batches."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from streamer.clock import timeout
from streamer.workers import framing
from streamer.workers.framing import Message
from streamer.workers.handshake import admit
from streamer.workers.link import SILENCE_LIMIT, START_LIMIT
from streamer.workers.process import ModelProcess

HANDSHAKE_SECONDS = 5.0
"""Time to show the key."""

MOST_STRANGERS, MOST_CLIENTS = 16, 64
"""Connections that have not shown it yet, and servers; more are refused."""

MOST_SESSIONS, MOST_QUESTIONS = 1024, 256
"""Of one server at a time."""

MOST_UNREAD = 16 * 1024 * 1024
"""Bytes that may wait for a server; one that does not take them is let go."""

log = logging.getLogger("earshot.workers")


@dataclass
class _Client:
    number: int
    writer: asyncio.StreamWriter
    sessions: set[str] = field(default_factory=set)
    questions: dict[int, int] = field(default_factory=dict)
    """Their numbers by ours."""


class Hub:
    """Owns the process, and connects servers to it.

    Their sessions get names that are theirs alone, and end with the connection. While the models are away nobody is
    connected: a server sees that as the end of a process of its own (`RemoteModels`).

    Args:
        module: See `ModelProcess`.
        arguments: Likewise.
        key: That servers have to show.
        patience: See `ModelProcess`.

    Attributes:
        refused: Connections that did not show the key, or were too many.
    """

    def __init__(self, module: str, arguments: Sequence[str], key: bytes, patience: float = 1.0) -> None:
        self._process = ModelProcess(module, arguments, self._set_ready, self._receive, patience)
        self._key, self._patience = key, patience
        self._clients: dict[int, _Client] = {}
        self._numbers, self._asked = itertools.count(), itertools.count()
        self._news: dict[str, Message] = {}
        """What was said to all, by type: who comes later has to know it."""
        self._up = asyncio.Event()
        self._strangers = self.refused = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def ready(self) -> bool:
        """Whether the models are up."""
        return self._process.ready

    @property
    def pid(self) -> int | None:
        """Number of the process of models, None while there is none."""
        return self._process.pid

    @property
    def clients(self) -> int:
        """Servers that are connected."""
        return len(self._clients)

    async def start(self, host: str, port: int = 0) -> int:
        """Start the process, and listen.

        Returns:
            The port.

        Raises:
            OSError: That cannot be listened on.
        """
        # By asyncio's own limit: nobody has more than 128 KiB wait here before the key is shown.
        self._server = await asyncio.start_server(self._come, host, port)
        self._process.start()
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        """End all connections, and the process, and wait until it is gone."""
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._process.close()

    async def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if await self._knows(reader, writer):
                await self._serve(reader, writer)
        except asyncio.CancelledError:
            pass  # at the hub's end; asyncio's server would tell of it
        finally:
            writer.close()
            self._serving.discard(task)

    async def _knows(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Return whether somebody may use the models."""
        known = False
        if self._strangers < MOST_STRANGERS and len(self._serving) - self._strangers <= MOST_CLIENTS:
            self._strangers += 1
            try:
                async with asyncio.timeout(HANDSHAKE_SECONDS):
                    known = await admit(reader, writer, self._key)
            except (OSError, TimeoutError, asyncio.IncompleteReadError):
                pass
            finally:
                self._strangers -= 1
        if not known:
            self.refused += 1
            log.debug("somebody without the key, or one too many, is refused")
        return known

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(next(self._numbers), writer)
        try:
            async with timeout(START_LIMIT * self._patience):
                await self._up.wait()
            self._clients[client.number] = client
            for message in ({"type": "ready"}, *self._news.values()):
                self._tell(client, message)
            while not writer.is_closing():
                async with timeout(SILENCE_LIMIT * self._patience):
                    message = await framing.read(reader)
                self._take(client, message)
                # Who sends more than the process takes has to wait.
                await self._process.drain()
        except (OSError, TimeoutError, ValueError, TypeError, KeyError, asyncio.IncompleteReadError) as error:
            log.info("server %d is gone: %s", client.number, error or type(error).__name__)
        finally:
            self._clients.pop(client.number, None)
            for sid in client.sessions:
                self._process.send({"type": "close", "sid": sid})

    def _take(self, client: _Client, message: Message) -> None:
        """Pass on what a server says, under names of its own.

        Raises:
            ValueError: It has too many sessions.
        """
        kind = message["type"]
        if kind == "ping":
            self._tell(client, {"type": "pong", "n": message["n"]})
            return
        if "sid" in message:
            sid = f"{client.number}/{message['sid']}"
            message |= {"sid": sid}
            if kind == "open":
                if len(client.sessions) >= MOST_SESSIONS:
                    raise ValueError(f"more than {MOST_SESSIONS} sessions")
                client.sessions.add(sid)
            elif kind == "close":
                client.sessions.discard(sid)
        if "n" in message:
            if len(client.questions) >= MOST_QUESTIONS:
                raise ValueError(f"more than {MOST_QUESTIONS} questions")
            number = next(self._asked)
            client.questions[number] = message["n"]
            message |= {"n": number}
        self._process.send(message)

    def _receive(self, message: Message) -> None:
        """Hand what the models say to whom it is for."""
        if message["type"] == "pong":
            return
        if "n" in message:
            for client in self._clients.values():
                if message["n"] in client.questions:
                    self._tell(client, message | {"n": client.questions.pop(message["n"])})
                    return
        elif "sid" in message:
            number, _, sid = message["sid"].partition("/")
            if (found := self._clients.get(int(number))) is not None:
                self._tell(found, message | {"sid": sid})
        else:
            self._news[message["type"]] = message
            for client in self._clients.values():
                self._tell(client, message)

    def _tell(self, client: _Client, message: Message) -> None:
        if client.writer.is_closing():
            return
        if client.writer.transport.get_write_buffer_size() > MOST_UNREAD:
            log.warning("server %d does not take what the models say: it is let go", client.number)
            client.writer.transport.abort()
            return
        client.writer.write(framing.encode(message))

    def _set_ready(self, ready: bool) -> None:
        if ready:
            self._up.set()
            return
        self._up.clear()
        self._news.clear()
        for client in self._clients.values():
            client.sessions.clear()
            client.writer.close()
