"""How much one client may have running at once: requests that are being answered, and WebSockets."""

from __future__ import annotations

from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.limits import client_of
from streamer.server.connections import Connections
from streamer.server.middleware.base import Refusal, refuse


class Concurrency:
    """Refuses what is too much with 429, and everything with 503 while hardly a connection is left.

    Behind a proxy the connections say nothing of the clients; here they are known by what the proxy tells.

    Args:
        app: the application behind it.
        connections: those there are.
        most: requests and WebSockets of one client.
    """

    def __init__(self, app: ASGIApp, connections: Connections, most: int) -> None:
        self.app = app
        self._connections = connections
        self._most = most
        self._running: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        client = client_of(scope["client"][0]) if scope.get("client") else ""
        if self._connections.crowded:
            headers = {"Retry-After": "10", "Connection": "close"}
            await refuse(scope, send, Refusal(503, "The server has as many connections as it can.", headers))
            return
        if self._running[client] >= self._most:
            reason = f"Your address has {self._most} requests and WebSockets open already."
            await refuse(scope, send, Refusal(429, reason, {"Retry-After": "5"}))
            return
        self._running[client] += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self._running[client] -= 1
            if not self._running[client]:
                del self._running[client]
