"""The front door: passes signalling on to the media server that has the room; picture and sound do not come by here.

Where a server has an address for clients, those of WHIP and WHEP are sent there with 307 (RFC 9725, 4.5), and so are
programs that join and open the control socket. Pages are passed on: no browser follows a redirect when it opens a
WebSocket, and all of them leave out Authorization at another origin, which another port is. A join is some 20 kB
through the door, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streamer.front.directory import Directory
from streamer.front.merged_metrics import merged
from streamer.front.placement import Member
from streamer.front.trust import HEADER, Origin
from streamer.server.middleware.body_limit import BodyLimit
from streamer.server.middleware.hosts import HostCheck
from streamer.server.middleware.security_headers import SecurityHeaders
from streamer.settings import Settings

ROOM = re.compile(r"/rooms/([^/?]+)")
"""Start of every path that belongs to a room."""

DIRECT = re.compile(r"/rooms/[^/?]+/(?:whip|whep|join|control)(?:[/?]|$)")
"""What a client that is no page asks the media server itself."""

BROWSER = frozenset((b"origin", b"sec-fetch-site"))
"""Headers by which a page is known (RFC 6454; Fetch Metadata)."""

METHODS = ["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]

HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization te trailer transfer-encoding upgrade".split()
)
"""Headers that are for one connection alone (RFC 9110, 7.6.1)."""

ANSWER_SECONDS = httpx.Timeout(30.0, connect=3.0)
"""Time that a media server has: agreeing on a session takes up to 8 s."""

ASK_SECONDS = 3.0
"""Time that each has to say whether it is ready, and what it counts."""


class Door:
    """The way to the media servers.

    Args:
        settings: of all of them.
        directory: says which there are, and what they have.
        key: by which they know the door.
        own_metrics: Prometheus text of what is counted here.
        tls: by which the servers are known where they are asked by TLS; without it they are asked without.
    """

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        key: str,
        own_metrics: Callable[[], bytes] = lambda: b"",
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.settings, self.directory, self.key, self.tls = settings, directory, key, tls
        self._own_metrics = own_metrics
        # Idle connections are let go before uvicorn, which waits 5 s, closes them under a request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=2.0)
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits, trust_env=False, verify=tls or True)

    async def server(self, path: str) -> Member | None:
        """Return who serves a path: a room's the server that has it, all else any; None if nobody now."""
        match = ROOM.match(path)
        return await self.directory.room(match[1]) if match else await self.directory.any()

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def pass_on(self, request: Request) -> Response:
        """Answer a request with what its media server says."""
        scope = request.scope
        path = scope["raw_path"].decode("latin-1")
        room = await self.directory.new_room() if request.method == "POST" and path == "/rooms" else ""
        server = await self.server(f"/rooms/{room}" if room else path)
        if server is not None and goes_directly(server, path, scope["headers"]):
            query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
            return Response(
                status_code=307, headers={"Location": server.url + path + query, "Cache-Control": "no-store"}
            )
        return await self._ask(request, server, room)

    async def ready(self, request: Request) -> Response:
        """Say whether calls are served: 200 as long as one server is ready, and what ails the others."""
        answers = await self._ask_all(request)
        said = {name: _reason(answer) for name, answer in answers.items()}
        if any(answer is not None and answer.status_code == 200 for answer in answers.values()):
            return JSONResponse({"status": "ready", "servers": said})
        reason = "; ".join(f"{name}: {text}" for name, text in said.items()) or "There is no media server now."
        return JSONResponse({"reason": reason}, 503, {"Retry-After": "1"})

    async def metrics(self, request: Request) -> Response:
        """Give the metrics of all, each labelled with its server; for whom each of them gives its own."""
        answers = await self._ask_all(request)
        texts: dict[str, str] = {}
        for name, answer in answers.items():
            if answer is None:
                continue
            if answer.status_code != 200:
                return answer
            texts[name] = bytes(answer.body).decode()
        if not texts:
            return _nobody()
        text = await asyncio.to_thread(merged, texts, self._own_metrics().decode())
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def _ask_all(self, request: Request) -> dict[str, Response | None]:
        async def ask(server: Member) -> Response | None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_SECONDS):
                    return await self._ask(request, server, whole=True)
            return None

        members = await self.directory.members()
        answers = await asyncio.gather(*map(ask, members.values()))
        return dict(zip(members, answers, strict=True))

    async def _ask(self, request: Request, server: Member | None, room: str = "", whole: bool = False) -> Response:
        if server is None:
            return _nobody()
        scope = request.scope
        url = httpx.URL(
            scheme="https" if self.tls else "http",
            host=server.host,
            port=server.port,
            raw_path=scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b""),
        )
        told = Origin(scope["client"][0], scope["scheme"], scope["server"][1], room).header(self.key)
        headers = [*_passed(scope["headers"]), (HEADER.encode(), told.encode())]
        asked = httpx.Request(request.method, url, headers=headers, content=await request.body())
        try:
            answer = await self._http.send(asked, stream=True)
            if whole:
                await answer.aread()
        except httpx.HTTPError:
            # It has just gone, or hangs: whoever asks again in a moment gets to where the room is then.
            return _nobody()
        if whole:
            return _with_headers(Response(answer.content, answer.status_code), answer)
        return _with_headers(StreamingResponse(_body(answer), answer.status_code), answer)


def goes_directly(server: Member, path: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Return whether a request is to be made at the media server itself: what a page cannot follow is not."""
    return bool(server.url and DIRECT.match(path)) and BROWSER.isdisjoint(name.lower() for name, _ in headers)


async def _body(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for part in answer.aiter_raw():
            yield part
    finally:
        await answer.aclose()


def _passed(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return the headers that go on, without those of this connection, the door's own, and the body's length."""
    pairs = [(name.lower(), value) for name, value in headers]
    named = {part.strip().lower() for name, value in pairs if name == b"connection" for part in value.split(b",")}
    left_out = HOP_BY_HOP | named | {HEADER.encode(), b"content-length"}
    return [pair for pair in pairs if pair[0] not in left_out]


def _with_headers(response: Response, answer: httpx.Response) -> Response:
    length = (
        [(b"content-length", answer.headers["content-length"].encode())] if "content-length" in answer.headers else []
    )
    # uvicorn writes a date of its own.
    response.raw_headers = [pair for pair in _passed(answer.headers.raw) if pair[0] != b"date"] + length
    return response


def _nobody() -> Response:
    return JSONResponse({"reason": "No media server can take this now: try again."}, 503, {"Retry-After": "1"})


def _reason(answer: Response | None) -> str:
    if answer is None:
        return "It does not answer."
    try:
        said = json.loads(bytes(answer.body))
        return str(said.get("reason") or said.get("status"))
    except ValueError:
        return f"It answered {answer.status_code}."


def create_front(door: Door, run: Callable[[], contextlib.AbstractAsyncContextManager[None]]) -> Starlette:
    """Make the application of the front door.

    Args:
        door: the way to the media servers.
        run: what runs as long as it: the servers.

    Returns:
        An ASGI application; its WebSockets are not for it, but for `Passage`.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with run():
            try:
                yield
            finally:
                await door.close()

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "separates": door.settings.engine})

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return JSONResponse({"reason": error.detail}, error.status_code, dict(error.headers or {}))

    def route(path: str, answer: Callable[[Request], Awaitable[Response]], methods: list[str]) -> Route:
        return Route(path, answer, methods=methods)

    app = Starlette(
        routes=[
            route("/health", health, ["GET"]),
            route("/ready", door.ready, ["GET"]),
            route("/metrics", door.metrics, ["GET"]),
            route("/{path:path}", door.pass_on, METHODS),
        ],
        middleware=[
            Middleware(SecurityHeaders, settings=door.settings),
            Middleware(HostCheck, settings=door.settings),
            Middleware(BodyLimit, settings=door.settings),
        ],
        exception_handlers={HTTPException: refused},
        lifespan=lifespan,
    )
    app.state.door = door
    return app
