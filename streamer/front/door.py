"""The front door: passes signalling on to the media server that has the room; picture and sound do not come by here.

Why it passes on and does not answer 307, which RFC 9725 (4.5) has WHIP clients follow: no browser follows one when it
opens a WebSocket, and all of them leave out Authorization at another origin, which another port is; and each server
would need a port, a name and a certificate that clients reach. A join is some 20 kB through the door, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

import httpx
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from streamer.front.merged_metrics import merged
from streamer.front.placement import Placement
from streamer.front.trust import HEADER, Origin
from streamer.server.middleware.body_limit import BodyLimit
from streamer.server.middleware.hosts import HostCheck
from streamer.server.middleware.security_headers import SecurityHeaders
from streamer.settings import Settings

ROOM = re.compile(r"/rooms/([^/?]+)")
"""Start of every path that belongs to a room."""

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
        placement: which there are, and what they have.
        key: by which they know the door.
        own_metrics: Prometheus text of what is counted here.
    """

    def __init__(
        self, settings: Settings, placement: Placement, key: str, own_metrics: Callable[[], bytes] = lambda: b""
    ) -> None:
        self.settings, self.placement, self.key = settings, placement, key
        self._own_metrics = own_metrics
        # Idle connections are let go before uvicorn, which waits 5 s, closes them under a request.
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64, keepalive_expiry=2.0)
        self._http = httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=limits, trust_env=False)

    def address(self, path: str) -> tuple[str, int] | None:
        """Return where a path is served: a room's by the server that has it, all else by any; None if nowhere now."""
        match = ROOM.match(path)
        name = self.placement.of(match[1]) if match else self.placement.any()
        if name is None:
            return None
        member = self.placement.members[name]
        return member.host, member.port

    async def close(self) -> None:
        """Let go of all connections."""
        await self._http.aclose()

    async def pass_on(self, request: Request) -> Response:
        """Answer a request with what its media server says."""
        path = request.scope["raw_path"].decode("latin-1")
        room = self.placement.new_room() if request.method == "POST" and path == "/rooms" else ""
        return await self._ask(request, self.address(f"/rooms/{room}" if room else path), room)

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
        async def ask(host: str, port: int) -> Response | None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ASK_SECONDS):
                    return await self._ask(request, (host, port), whole=True)
            return None

        members = dict(self.placement.members)
        answers = await asyncio.gather(*(ask(member.host, member.port) for member in members.values()))
        return dict(zip(members, answers, strict=True))

    async def _ask(
        self, request: Request, address: tuple[str, int] | None, room: str = "", whole: bool = False
    ) -> Response:
        if address is None:
            return _nobody()
        scope = request.scope
        url = httpx.URL(
            scheme="http",
            host=address[0],
            port=address[1],
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
