"""What the front door tells a media server of each connection, and how that server knows it is the door who says so."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.server.middleware.base import Refusal, refuse

HEADER = "x-earshot-door"
"""Of every request that comes by the door; one that a client makes up is taken away there."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from.

    Attributes:
        client: the other side's address.
        scheme: http or https, as at the door.
        port: that the door listens on.
        room: id for the room that the request makes; empty if it makes none.
    """

    client: str
    scheme: str
    port: int
    room: str = ""

    def header(self, key: str) -> str:
        """Write it as the header's value."""
        return " ".join((key, self.client, self.scheme, str(self.port), self.room)).rstrip()

    @classmethod
    def read(cls, value: str, key: str) -> Origin | None:
        """Read the header's value; None unless it carries the key."""
        said, *rest = value.split(" ")
        if not hmac.compare_digest(said.encode(), key.encode()) or len(rest) not in (3, 4):
            return None
        client, scheme, port, *room = rest
        return cls(client, scheme, int(port), room[0] if room else "")


class FromDoor:
    """Lets in what comes by the front door, as if it had come straight from the client; refuses all else with 403.

    Args:
        app: the application behind it, which finds the id of a room to be made in `scope["state"]["new_room"]`.
        key: the door's.
        direct: whether clients that do not come by the door are let in too, as who they are.
    """

    def __init__(self, app: ASGIApp, key: str, direct: bool = False) -> None:
        self.app = app
        self._key, self._direct = key, direct

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get(HEADER, "")
        if self._direct and not told:
            await self.app(scope, receive, send)
            return
        origin = Origin.read(told, self._key)
        if origin is None:
            await refuse(scope, send, Refusal(403, "This is a media server's own port: ask at the front door."))
            return
        scheme = origin.scheme if scope["type"] == "http" else origin.scheme.replace("http", "ws")
        scope["client"], scope["scheme"] = (origin.client, 0), scheme
        if not self._direct:
            scope["server"] = (scope["server"][0], origin.port)
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] != HEADER.encode()]
        scope["state"] = dict(scope.get("state") or {}) | {"new_room": origin.room}
        await self.app(scope, receive, send)
