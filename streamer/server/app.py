"""The web application: routes, errors as JSON, and what starts and stops with it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from streamer.auth import Denied, Role, Tokens
from streamer.engine.client import EngineClient
from streamer.limits import Limiter
from streamer.messages.base import Name
from streamer.messages.protocol import RoomState
from streamer.observer.client import ObserverClient
from streamer.rooms.room import Full
from streamer.rooms.rooms import Rooms
from streamer.rtc.sdp import BadSdp
from streamer.server import control, whep, whip
from streamer.server.context import Context, context_of
from streamer.server.metrics import Metrics
from streamer.server.middleware import Guard
from streamer.settings import IceServer, Settings, is_loopback

WEB = Path(__file__).parents[2] / "web"
SWEEP_EVERY = 30.0
WORKERS = 32
"""Threads for what must not block the loop; most of them only wait."""

SHUTDOWN_SECONDS = 5.0
"""Time that sessions and the model process get to close."""


class NewRoom(BaseModel):
    """A room and the two invites that open it; `link` is for those who take part."""

    room: str
    invite: str
    watch_invite: str
    link: str


class JoinRequest(BaseModel):
    """Who wants in; `resume` is the token from the join before, after a cut; `role` asks for less than invited to."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    invite: Annotated[str, Field(min_length=1, max_length=4096)]
    resume: Annotated[str, Field(max_length=4096)] | None = None
    role: Literal["watch"] | None = None


class Joined(BaseModel):
    """What a client needs to publish, watch and control; durations in seconds."""

    participant: str
    token: str
    resume: str
    role: Role
    expires_in: float
    ice_servers: list[IceServer]
    heartbeat: float


def create_app(
    settings: Settings, engine: EngineClient | None = None, observer: ObserverClient | None = None
) -> FastAPI:
    """Make the application.

    Args:
        settings: checked settings.
        engine: the models' client; None makes one. With `settings.engine` false it is never started, and
            calls carry plain sound.
        observer: likewise for the models that look and listen, and `settings.observer`.

    Returns:
        An ASGI application whose lifespan starts and stops the models and closes the rooms.
    """
    engine = engine if engine is not None else EngineClient(settings.device, settings.max_faces)
    observer = observer if observer is not None else ObserverClient(settings.speech)
    rooms = Rooms(settings, engine, observer)
    engine.on_ready = lambda ready: rooms.engine_changed()
    metrics = Metrics(rooms, engine, observer)
    limiter = Limiter(settings.requests_per_second, settings.requests_burst)

    async def sweep() -> None:
        while True:
            await asyncio.sleep(min(SWEEP_EVERY, settings.room_idle))
            rooms.sweep()
            limiter.sweep()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # aiortc encodes sound there and aioice looks up names, which may take seconds: few threads make calls silent.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WORKERS, "worker"))
        if settings.engine:
            engine.start()
        if settings.observer:
            observer.start()
        sweeper = asyncio.create_task(sweep(), name="sweep")
        try:
            yield
        finally:
            sweeper.cancel()
            await asyncio.gather(sweeper, return_exceptions=True)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SHUTDOWN_SECONDS):
                    await asyncio.gather(rooms.close(), engine.close(), observer.close())

    app = FastAPI(title="Earshot", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.state.context = Context(settings, Tokens(settings), rooms, engine, observer, metrics)
    app.add_middleware(Guard, settings=settings, limiter=limiter, count=metrics.count_answer)
    _add_errors(app)
    _add_room_routes(app)
    _add_service_routes(app)
    app.include_router(whip.router)
    app.include_router(whep.router)
    app.include_router(control.router)
    app.mount("/static", StaticFiles(directory=WEB), name="static")
    return app


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

    @app.exception_handler(Full)
    async def full(request: Request, error: Full) -> Response:
        return _refused(503, str(error), {"Retry-After": "10"})

    @app.exception_handler(Exception)
    async def broken(request: Request, error: Exception) -> Response:
        return _refused(500, "The server made a mistake; its log says more.")


def _invited(context: Context, room_id: str) -> NewRoom:
    invite = context.tokens.mint("invite", room_id, "publish")
    watch_invite = context.tokens.mint("invite", room_id, "watch")
    return NewRoom(room=room_id, invite=invite, watch_invite=watch_invite, link=f"/r/{room_id}#{invite}")


def _add_room_routes(app: FastAPI) -> None:
    @app.post("/rooms", status_code=201, tags=["rooms"])
    async def create_room(request: Request) -> NewRoom:
        """Make a room. Needs the server's secret as Bearer if one is set."""
        context = context_of(request)
        context.tokens.check_secret(request.headers.get("authorization"))
        return _invited(context, context.rooms.create().id)

    @app.post("/rooms/{room_id}/invites", status_code=201, tags=["rooms"])
    async def invite(request: Request, room_id: str) -> NewRoom:
        """Invite to a room there is. Needs the secret; without one, only a server nobody else reaches does it."""
        context = context_of(request)
        context.tokens.check_secret(request.headers.get("authorization"))
        settings = context.settings
        reached = (
            not is_loopback(settings.host) or settings.proxies or settings.allowed_hosts or settings.allowed_origins
        )
        if settings.secret is None and reached:
            raise Denied(403, "A server that others can reach invites only with a secret.")
        if context.rooms.get(room_id) is None:
            raise Denied(404, "There is no such room.")
        return _invited(context, room_id)

    @app.post("/rooms/{room_id}/join", status_code=201, response_model_exclude_none=True, tags=["rooms"])
    async def join_room(request: Request, room_id: str, body: JoinRequest) -> Joined:
        """Come in with an invite, or come back within the grace with a resume token."""
        context = context_of(request)
        tokens = context.tokens
        participant = None
        if body.resume and (room := context.rooms.get(room_id)) is not None:
            # A resume token that is too old or of another server is no error: they come in anew.
            with contextlib.suppress(Denied):
                resume = tokens.verify(body.resume, room_id, "resume")
                known = room.participants.get(resume.participant)
                if known is not None and known.nonce == resume.nonce:
                    participant = known
        # Who is in the room stays, for as long as the call is: an invite that has expired meanwhile is no reason to go.
        invite = tokens.verify(body.invite, room_id, "invite", expired=participant is not None)
        role = body.role or invite.role
        room = context.rooms.enter(room_id)
        if participant is not None and participant.role != role:
            tokens.verify(body.invite, room_id, "invite")
            participant = None
        if participant is None:
            participant = room.join(body.name, role)
        else:
            room.resume(participant)
        return Joined(
            participant=participant.id,
            token=tokens.mint("session", room_id, participant.role, participant.id),
            resume=tokens.mint("resume", room_id, participant.role, participant.id, participant.nonce),
            role=participant.role,
            expires_in=tokens.lifetime("session"),
            ice_servers=list(context.settings.ice_servers),
            heartbeat=context.settings.heartbeat,
        )

    @app.get("/rooms/{room_id}", tags=["rooms"])
    async def room_state(request: Request, room_id: str) -> RoomState:
        """Say who is in the room; needs an invite or a session token."""
        context = context_of(request)
        context.bearer_claims(request, room_id)
        room = context.rooms.get(room_id)
        if room is None:
            raise HTTPException(404, "There is no such room now.")
        return room.state()

    @app.get("/rooms/{room_id}/transcript.{kind}", tags=["rooms"], response_class=PlainTextResponse)
    async def transcript(request: Request, room_id: str, kind: Literal["vtt", "srt", "txt"]) -> Response:
        """What was said in the room so far, as WebVTT, SubRip or plain text; needs a session token."""
        context = context_of(request)
        room, participant = context.entrant(context.session_claims(request, room_id), "watch")
        if wait := room.chronicle.limiter.take(participant.id):
            raise HTTPException(429, f"Too many downloads: wait {wait} s.", {"Retry-After": str(wait)})
        said = room.chronicle.transcript
        # Of a long call it takes some ms.
        text = await asyncio.to_thread({"vtt": said.vtt, "srt": said.srt, "txt": said.text}[kind])
        name = f'attachment; filename="earshot-{room_id}.{kind}"'
        types = {"vtt": "text/vtt", "srt": "application/x-subrip", "txt": "text/plain"}
        return Response(text, media_type=f"{types[kind]}; charset=utf-8", headers={"Content-Disposition": name})


def _add_service_routes(app: FastAPI) -> None:
    async def page(room_id: str | None = None) -> Response:
        """The page."""
        if not await asyncio.to_thread((WEB / "index.html").is_file):
            raise HTTPException(404, "This installation has no page: web/index.html is missing.")
        return FileResponse(WEB / "index.html", media_type="text/html")

    app.add_api_route("/", page, methods=["GET"], include_in_schema=False)
    app.add_api_route("/r/{room_id}", page, methods=["GET"], include_in_schema=False)

    @app.get("/health", tags=["service"])
    async def health() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @app.get("/ready", tags=["service"])
    async def ready(request: Request) -> Response:
        """Say whether calls are served as meant: 200 with models up or not wanted, else 503."""
        context = context_of(request)
        if context.engine.ready or not context.settings.engine:
            return JSONResponse({"status": "ready", "voices_separated": context.engine.ready})
        return _refused(503, "The models are not up yet; calls carry plain sound.")

    @app.get("/metrics", tags=["service"], response_class=PlainTextResponse)
    async def metrics(request: Request) -> Response:
        """Prometheus metrics. Needs the server's secret as Bearer if one is set."""
        context = context_of(request)
        context.tokens.check_secret(request.headers.get("authorization"))
        return Response(context.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
