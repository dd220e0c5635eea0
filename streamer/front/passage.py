"""A control socket's way through the front door: bytes both ways as they are, no faster than the slower side reads."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Any, Protocol, cast

from streamer.front.door import goes_directly
from streamer.front.placement import Member
from streamer.front.trust import HEADER, Origin
from streamer.settings import Settings

CONNECT_SECONDS = 3.0
"""Time in which a media server has to take a connection."""

NOBODY = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

ELSEWHERE = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

log = logging.getLogger("earshot.front")


class Way(Protocol):
    """What a passage has to know of the door."""

    settings: Settings
    key: str
    tls: ssl.SSLContext | None

    async def server(self, path: str) -> Member | None:
        """Return who serves a path; None if nobody now."""


class _Side(asyncio.Protocol):
    """One of the two connections; what comes here goes out at the other."""

    transport: asyncio.Transport
    other: _Side | None = None

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None:
            self.other.transport.close()
            self.other = None


class _Server(_Side):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)


class Passage(_Side):
    """The client's side; in uvicorn's place for WebSockets, of which nothing is read but the request's path.

    Args:
        config: uvicorn's, whose application has the door in its state.
        server_state: uvicorn's, whose connections are ended with it.
        app_state: of no use here.
    """

    def __init__(self, config: Any, server_state: Any, app_state: Any) -> None:
        self._door: Way = config.app.state.door
        self._connections: set[Any] = server_state.connections
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = cast(asyncio.Transport, transport)
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Take the request, which uvicorn has written anew and whole; later, pass on what comes."""
        if self._connecting is None:
            self.transport.pause_reading()
            self._connecting = asyncio.create_task(self._connect(data), name="passage")
        else:
            super().data_received(data)

    def connection_lost(self, error: Exception | None) -> None:
        """End the other side too."""
        self._connections.discard(self)
        if self._connecting is not None:
            self._connecting.cancel()
        super().connection_lost(error)

    def shutdown(self) -> None:
        """End because the door closes."""
        self.transport.close()

    async def _connect(self, request: bytes) -> None:
        first, _, rest = request.partition(b"\r\n")
        path = first.split(b" ")[1].decode("latin-1")
        lines = [line for line in rest.split(b"\r\n") if not line.lower().startswith(HEADER.encode() + b":")]
        there = await self._door.server(path)
        if there is not None and goes_directly(there, path, [(line.partition(b":")[0], b"") for line in lines]):
            self.transport.write(ELSEWHERE % (there.url.replace("http", "ws", 1) + path).encode("latin-1"))
            self.transport.close()
            return
        try:
            if there is None:
                raise ConnectionError("there is no media server now")
            async with asyncio.timeout(CONNECT_SECONDS):
                connecting = asyncio.get_running_loop().create_connection
                _, server = await connecting(_Server, there.host, there.port, ssl=self._door.tls)
        except (OSError, TimeoutError) as error:
            log.info("a control socket cannot be passed on: %s", error or type(error).__name__)
            self.transport.write(NOBODY)
            self.transport.close()
            return
        peer, here = (self.transport.get_extra_info(name) for name in ("peername", "sockname"))
        scheme = "https" if self._door.settings.tls_cert else "http"
        told = Origin(peer[0], scheme, here[1]).header(self._door.key)
        server.other, self.other = self, server
        server.transport.write(b"\r\n".join([first, f"{HEADER}: {told}".encode(), *lines]))
        self.transport.resume_reading()
