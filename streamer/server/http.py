"""uvicorn's server with our own sockets: it counts connections, and waits for no request for ever."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from typing import Any

import uvicorn
from h11 import Request
from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import STARTUP_FAILURE
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from streamer.server.connections import Connection, Connections, listen

log = logging.getLogger("earshot.http")


class Config(uvicorn.Config):
    """uvicorn's configuration, with the connections there are.

    Args:
        app: the application.
        connections: where each connection counts.
        ws: what serves WebSockets.
        options: uvicorn's.
    """

    def __init__(
        self, app: Any, connections: Connections, ws: type[asyncio.Protocol] | None = None, **options: Any
    ) -> None:
        # Not httptools, which bounds no header.
        super().__init__(app, http=Protocol, ws=ws or WebSocketProtocol, **options)
        self.connections = connections


class Protocol(H11Protocol):
    """HTTP/1.1; while nothing is being answered, the client has to send a whole header in time."""

    config: Config
    _connection: Connection | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin; the time has been running since the connection was accepted."""
        super().connection_made(transport)
        self._connection = self.config.connections.of(transport)

    def handle_events(self) -> None:
        """Read what has come."""
        super().handle_events()
        self._watch()

    def on_response_complete(self) -> None:
        """Go on after an answer: what is left of the request's body, and the next one, have to come in time too."""
        super().on_response_complete()
        self._watch()

    def handle_websocket_upgrade(self, event: Request) -> None:
        """Hand over to a WebSocket, which has deadlines of its own."""
        if self._connection is not None:
            self._connection.request_came()
            self._connection = None
        super().handle_websocket_upgrade(event)

    def _watch(self) -> None:
        if self._connection is None or self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:
            self._connection.expect_request()
        else:
            self._connection.request_came()


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """A WebSocket that is not read from while its client reads nothing: each ping would have its answer wait."""

    def pause_writing(self) -> None:
        """Wait with everything until what was sent has been taken."""
        super().pause_writing()
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        if not self.read_paused:
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """Give the application the next message; another one is read if what was sent has been taken."""
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.writable.is_set():
                self.transport.resume_reading()
        return message


class Server(uvicorn.Server):
    """uvicorn's server on listening sockets of our own."""

    config: Config

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until told to stop.

        Args:
            sockets: to listen on; by default those of the configuration's host and port.

        Raises:
            SystemExit: they cannot be had; the log says why.
        """
        if sockets is None:
            try:
                sockets = await listen(self.config.host, self.config.port, self.config.connections)
            except OSError as error:
                log.error("cannot listen on %s, port %d: %s", self.config.host, self.config.port, error)
                sys.exit(STARTUP_FAILURE)
        await super().serve(sockets)
