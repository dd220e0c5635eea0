"""The two kinds of middleware there are: checks that refuse, and what adds headers to every answer."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
"""They change nothing (RFC 9110, 9.2.1)."""


def changes_nothing(scope: Scope) -> bool:
    """Return whether it is a request that changes nothing; a WebSocket may."""
    return scope["type"] == "http" and scope["method"] in SAFE_METHODS


class Refusal(NamedTuple):
    """Why a connection goes no further: HTTP status, one sentence for the client, more headers."""

    status: int
    reason: str
    headers: dict[str, str] | None = None


class Check:
    """Base of what refuses a connection before anything of it is read.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] in ("http", "websocket") and (refusal := self.refusal(scope, Headers(scope=scope))):
            await refuse(scope, send, refusal)
        else:
            await self.app(scope, receive, send)

    def refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Return why an HTTP request or a WebSocket is refused, or None."""
        raise NotImplementedError


class AnswerHeaders:
    """Base of what adds headers to every HTTP answer.

    Args:
        app: the application behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message.setdefault("headers", [])
                self.add(scope, Headers(scope=scope), MutableHeaders(scope=message))
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def add(self, scope: Scope, asked: Headers, answer: MutableHeaders) -> None:
        """Add to an answer's headers; `asked` are the request's."""
        raise NotImplementedError


async def refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    """Answer a connection that goes no further with a JSON reason.

    Args:
        scope: of the connection; HTTP or WebSocket.
        send: its send.
        refusal: what to say.
    """
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.reason[:120]})
            return
        kind = "websocket.http.response"
    body = json.dumps({"reason": refusal.reason}).encode()
    fields: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    fields += [(name.lower().encode(), value.encode()) for name, value in (refusal.headers or {}).items()]
    start: dict[str, Any] = {"type": f"{kind}.start", "status": refusal.status, "headers": fields}
    await send(start)
    await send({"type": f"{kind}.body", "body": body})
