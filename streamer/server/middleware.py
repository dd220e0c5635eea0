"""What every request meets first: host, origin, rate and size checks; and headers on every answer."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.auth import origin_allowed
from streamer.limits import Limiter
from streamer.settings import Settings

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; font-src 'self'; manifest-src 'self'; worker-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# Goes into the policy, so nothing that could end its directive. The policy's grammar knows no IPv6 addresses.
PLAIN_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
# FastAPI's page of the interface loads Swagger UI from a CDN and starts it with an inline script.
DOCS_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'unsafe-inline' https://cdn.jsdelivr.net; img-src data: https://fastapi.tiangolo.com; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
SHARED = re.compile(r"/rooms/[^/]+/(?:whip|whep)(?:/|$)")
"""What pages of allowed origins may use, refusals and all."""
EXPOSED = "Location, ETag, Link, Retry-After, WWW-Authenticate"


class Guard:
    """ASGI middleware that refuses before anything is read, and dresses what goes out.

    Args:
        app: the application behind it.
        settings: hosts, origins, limits.
        limiter: buckets a client address, for what changes something or opens a WebSocket.
        count: called with (method, status) of every HTTP answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings, limiter: Limiter, count: Callable[[str, int], None]) -> None:
        self._app = app
        self._settings = settings
        self._limiter = limiter
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        dressed = self._dressed(scope, headers, send) if scope["type"] == "http" else send
        if refusal := self._refusal(scope, headers):
            status, reason, extra = refusal
            await refuse(scope, dressed, status, reason, extra)
        elif scope["type"] == "http":
            await self._app(scope, self._limited(receive), dressed)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str, dict[str, str]] | None:
        host = headers.get("host")
        names = self._settings.host_names
        if names and host_name(host) not in names:
            return 421, f"This server does not answer to {host}; allowed_hosts names the hosts it does.", {}
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return None
        if not origin_allowed(headers.get("origin"), host, self._settings.allowed_origins):
            return 403, "Pages of this origin may not use the server; see allowed_origins.", {}
        if wait := self._limiter.take(scope["client"][0] if scope.get("client") else ""):
            return 429, f"Too many requests: wait {wait} s.", {"Retry-After": str(wait)}
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._settings.body_limit:
            return 413, f"The body is larger than {self._settings.body_limit} bytes.", {}
        return None

    def _limited(self, receive: Receive) -> Receive:
        read = 0
        whole = False
        deadline = asyncio.get_running_loop().time() + self._settings.body_deadline
        # What is left of the body is not read: the connection cannot be used for another request.
        end = {"Connection": "close"}

        async def limited() -> Message:
            nonlocal read, whole
            if whole:
                # Only a disconnect is left to come.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                seconds = f"{self._settings.body_deadline:g} s"
                raise HTTPException(408, f"The body did not come within {seconds}.", end) from None
            if message["type"] == "http.request":
                whole = not message.get("more_body", False)
                read += len(message.get("body", b""))
                if read > self._settings.body_limit:
                    raise HTTPException(413, f"The body is larger than {self._settings.body_limit} bytes.", end)
            return message

        return limited

    def _dressed(self, scope: Scope, asked: Headers, send: Send) -> Send:
        origin = asked.get("origin", "")
        policy = DOCS_POLICY if scope["path"] == "/docs" else page_policy(asked.get("host"))

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"] if "headers" in message else [])
                for name, value in HEADERS.items():
                    headers[name] = value
                headers["Content-Security-Policy"] = policy
                if self._settings.tls_cert:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if "cache-control" not in headers:
                    # Static files carry an ETag and are asked for again; everything else is of the moment.
                    fixed = scope["method"] in SAFE_METHODS and "etag" in headers
                    headers["Cache-Control"] = "no-cache" if fixed else "no-store"
                if SHARED.match(scope["path"]) and origin in self._settings.allowed_origins:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = EXPOSED
                    headers.add_vary_header("Origin")
                message["headers"] = headers.raw
                self._count(scope["method"], message["status"])
            await send(message)

        return dressed


def page_policy(host: str | None) -> str:
    """Return the page's policy; for Safari before 15.4, whose 'self' leaves out WebSockets, it names the host.

    Args:
        host: the Host header.

    Returns:
        A Content-Security-Policy.
    """
    if host is None or not PLAIN_HOST.fullmatch(host):
        return PAGE_POLICY
    return PAGE_POLICY.replace("connect-src 'self'", f"connect-src 'self' ws://{host} wss://{host}")


def host_name(host: str | None) -> str:
    """Return the name in a Host header, without port and brackets, lower-case."""
    text = (host or "").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


async def refuse(scope: Scope, send: Send, status: int, reason: str, headers: dict[str, str]) -> None:
    """Answer a connection that goes no further with a JSON reason.

    Args:
        scope: of the connection; HTTP or WebSocket.
        send: its send.
        status: HTTP status.
        reason: one sentence for the client.
        headers: more headers.
    """
    kind = "http.response"
    if scope["type"] == "websocket":
        if "websocket.http.response" not in (scope.get("extensions") or {}):
            await send({"type": "websocket.close", "code": 1008, "reason": reason[:120]})
            return
        kind = "websocket.http.response"
    body = json.dumps({"reason": reason}).encode()
    fields: list[tuple[bytes, bytes]] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    fields += [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    start: dict[str, Any] = {"type": f"{kind}.start", "status": status, "headers": fields}
    await send(start)
    await send({"type": f"{kind}.body", "body": body})
