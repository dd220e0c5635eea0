"""The web application: its parts, errors as JSON, and what starts and stops with it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware

from streamer.auth import Denied, Tokens
from streamer.engine.client import EngineClient
from streamer.keep.directory import DirectoryKeeper
from streamer.keep.keeper import Keeper
from streamer.limits import RateLimiter
from streamer.observer.client import ObserverClient
from streamer.rooms.errors import Full, SeatsTaken
from streamer.rooms.rooms import Rooms
from streamer.rtc.sdp import BadSdp
from streamer.server import control, endpoint, portrait_routes, recording_routes, room_routes
from streamer.server.connections import Connections
from streamer.server.context import Context, context_of
from streamer.server.demos import Demos
from streamer.server.metrics import Metrics
from streamer.server.middleware.body_limit import BodyLimit
from streamer.server.middleware.caching import CacheHeaders
from streamer.server.middleware.concurrency import Concurrency
from streamer.server.middleware.counting import AnswerCount
from streamer.server.middleware.hosts import HostCheck
from streamer.server.middleware.origins import CorsHeaders, OriginCheck
from streamer.server.middleware.rate_limit import RateLimit
from streamer.server.middleware.security_headers import SecurityHeaders
from streamer.server.page.files import Page, PageFiles
from streamer.server.readiness import Readiness
from streamer.settings import Settings
from streamer.workers.memory import give_back

WEB = Path(__file__).parents[2] / "web"
"""Folder of the page."""

SWEEP_EVERY = 30.0
"""Seconds after which empty rooms and idle rate limits are looked for, at most."""

WORKERS = 32
"""Threads for what must not block the loop; most of them only wait."""

SHUTDOWN_SECONDS = 5.0
"""Time that sessions and the model process get to close."""


def create_app(
    settings: Settings,
    engine: EngineClient | None = None,
    observer: ObserverClient | None = None,
    keeper: Keeper | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        settings: checked settings.
        engine: the models' client; None makes one. With `settings.engine` false it is never started, and
            calls carry plain sound.
        observer: likewise for the models that look and listen, and `settings.observer`.
        keeper: a second place for what is known of rooms; None for the folder of `settings.keep`, if there is one.

    Returns:
        An ASGI application whose lifespan starts and stops the models and closes the rooms.
    """
    engine = engine if engine is not None else EngineClient(settings.device, settings.max_faces)
    observer = observer if observer is not None else ObserverClient(settings.speech, settings.language)
    if keeper is None and settings.keep is not None:
        keeper = DirectoryKeeper(settings.keep)
    rooms = Rooms(settings, engine, observer, keeper)
    engine.on_ready = lambda ready: rooms.engine_changed()
    engine.on_looking = rooms.looking_changed
    observer.on_ready = rooms.observer_changed
    connections = Connections(settings)
    readiness = Readiness(settings, engine, rooms)
    metrics = Metrics(rooms, engine, observer, connections, readiness)
    demos = Demos(rooms, settings)
    limiter = RateLimiter(settings.requests_per_second, settings.requests_burst)

    async def sweep() -> None:
        ended = 0
        while True:
            await asyncio.sleep(min(SWEEP_EVERY, settings.room_idle))
            rooms.sweep()
            limiter.sweep()
            await rooms.shelf.sweep()
            before, ended = ended, rooms.peers.opened - rooms.peers.open
            if ended > before:
                # What connections took lies between what stays: by itself little of it would go back to the system.
                await asyncio.to_thread(give_back)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # aiortc encodes sound there and aioice looks up names, which may take seconds: few threads make calls silent.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS, "worker"))
        if settings.engine:
            engine.start()
        if settings.observer:
            observer.start()
        rooms.shelf.start()
        watching = [
            asyncio.create_task(sweep(), name="sweep"),
            asyncio.create_task(readiness.watch(), name="readiness"),
        ]
        if rooms.keeping is not None:
            watching.append(asyncio.create_task(rooms.keeping.run(rooms.all), name="keeping"))
        try:
            yield
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await asyncio.gather(demos.close(), rooms.close(), engine.close(), observer.close())
            await rooms.shelf.close()

    # The first is the outermost: every answer is counted and has its headers, whichever check refused.
    middleware = [
        Middleware(AnswerCount, count=metrics.count_answer),
        Middleware(SecurityHeaders, settings=settings),
        Middleware(CacheHeaders),
        Middleware(CorsHeaders, settings=settings),
        Middleware(HostCheck, settings=settings),
        Middleware(OriginCheck, settings=settings),
        Middleware(Concurrency, connections=connections, most=settings.connections_per_client),
        Middleware(RateLimit, limiter=limiter),
        Middleware(BodyLimit, settings=settings),
    ]
    app = FastAPI(title="Earshot", lifespan=lifespan, docs_url=None, redoc_url=None, middleware=middleware)
    app.state.context = Context(
        settings, Tokens(settings), rooms, engine, observer, metrics, connections, demos, readiness
    )
    _add_errors(app)
    _add_service_routes(app)
    app.include_router(room_routes.router)
    app.include_router(recording_routes.router)
    app.include_router(portrait_routes.router)
    app.include_router(endpoint.whip)
    app.include_router(endpoint.screen)
    app.include_router(endpoint.whep)
    app.include_router(control.router)
    _add_page(app, _page() if settings.bundle else None)
    return app


@functools.cache
def _page() -> Page:
    return Page.of(WEB)


def _add_page(app: FastAPI, page: Page | None) -> None:
    """Serve the page, or without one its sources as they stand, read again for each request."""

    async def show(request: Request) -> Response:
        if page is None:
            return FileResponse(WEB / "index.html", media_type="text/html")
        return page.html.answer(request.headers)

    for path in ("/", "/r/{room_id}"):
        app.add_api_route(path, show, methods=["GET"], include_in_schema=False)
    app.mount("/static", StaticFiles(directory=WEB) if page is None else PageFiles(WEB, page), name="static")


def _refused(status: int, reason: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"reason": reason}, status, headers)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = dict(error.headers) if error.headers else None
        return _refused(error.status_code, str(error.detail), headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        fault: dict[str, Any] = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"])
        return _refused(422, f"{where}: {fault['msg']}")

    @app.exception_handler(Denied)
    async def denied(request: Request, error: Denied) -> Response:
        return _refused(error.status, error.reason, {"WWW-Authenticate": error.challenge})

    @app.exception_handler(BadSdp)
    async def bad_sdp(request: Request, error: BadSdp) -> Response:
        return _refused(error.status, error.reason, {"Retry-After": "5"} if error.status == 503 else None)

    @app.exception_handler(SeatsTaken)
    async def seats_taken(request: Request, error: SeatsTaken) -> Response:
        # Final, unlike a full room: whoever is in goes on watching.
        return _refused(409, str(error))

    @app.exception_handler(Full)
    async def full(request: Request, error: Full) -> Response:
        return _refused(503, str(error), {"Retry-After": "10"})

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return _refused(500, "The server made a mistake; its log says more.")


def _add_service_routes(app: FastAPI) -> None:
    @app.get("/health", tags=["service"])
    async def health(request: Request) -> dict[str, str | bool]:
        """Say that the process answers, and whether voices are to be separated here."""
        return {"status": "ok", "separates": context_of(request).settings.engine}

    @app.get("/ready", tags=["service"])
    async def ready(request: Request) -> Response:
        """Say whether calls are served as meant: models up or not wanted, time and disk enough, and no end near."""
        context = context_of(request)
        if reasons := context.readiness.reasons() + await context.readiness.disk_reasons():
            return _refused(503, " ".join(reasons), {"Retry-After": "5"})
        return JSONResponse({"status": "ready", "voices_separated": context.engine.ready})

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Prometheus metrics. Needs what making a room needs."""
        context = context_of(request)
        context.check_operator(request)
        return Response(context.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
