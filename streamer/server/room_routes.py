"""Rooms over HTTP: make one, invite, join, ask who is there, fetch transcript and summary."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from streamer.auth import Denied, Role, bearer
from streamer.ice_servers import ice_servers
from streamer.messages.base import Name
from streamer.messages.protocol import RoomState
from streamer.rooms.figures import Figures, figures
from streamer.rooms.participant import Participant
from streamer.rooms.summary import gather
from streamer.server.context import Context, context_of
from streamer.settings import IceServer, is_loopback
from streamer.transcripts.page_texts import Language
from streamer.transcripts.summary_page import summary_page

router = APIRouter(tags=["rooms"])


class NewRoom(BaseModel):
    """A room and the invites that open it; `link` is for those who take part."""

    room: str
    invite: str
    watch_invite: str
    link: str


class OwnRoom(NewRoom):
    """A room for who made it: with `host`, an invite for themselves alone, they come in as its host."""

    host: str


class JoinRequest(BaseModel):
    """Who wants in; `resume` is the token from the join before, after a cut; `role` asks for less than invited to."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    invite: Annotated[str, Field(min_length=1, max_length=4096)]
    resume: Annotated[str, Field(max_length=4096)] | None = None
    role: Literal["watch"] | None = None


class Joined(BaseModel):
    """What a client needs to publish, watch and control; durations in seconds.

    `waiting`: the host has to let them in first; the control socket says when that is done.
    """

    participant: str
    token: str
    resume: str
    role: Role
    expires_in: float
    ice_servers: list[IceServer]
    heartbeat: float
    host: bool
    waiting: bool


@router.post("/rooms", status_code=201)
async def create_room(request: Request) -> OwnRoom:
    """Make a room. Needs the server's secret as Bearer if one is set, and behind a proxy there has to be one."""
    context = context_of(request)
    context.check_operator(request)
    # Before several servers stands a front door, which draws the ids.
    room = context.rooms.create(request.scope.get("state", {}).get("new_room", "")).id
    host = context.invite(room, "publish", host=True)
    return OwnRoom(**_invited(context, room).model_dump(), host=host)


@router.post("/rooms/{room_id}/demo", status_code=202, response_class=Response)
async def demo(request: Request, room_id: str) -> Response:
    """Bring two talking portraits into a room, for its host; needs the host's invite."""
    context = context_of(request)
    claims = context.tokens.verify(bearer(request.headers.get("authorization")), room_id, "invite")
    if not claims.host:
        raise Denied(403, "Only the host can do that.")
    context.rooms.check_open()
    await context.rooms.recall(room_id)
    _, port = request.scope["server"]
    context.demos.start(room_id, port, context.invite(room_id, "publish"))
    return Response(status_code=202)


@router.post("/rooms/{room_id}/invites", status_code=201)
async def invite(request: Request, room_id: str) -> NewRoom:
    """Invite to a room there is. Needs the secret; without one, only a server nobody else reaches does it."""
    context = context_of(request)
    context.check_operator(request)
    settings = context.settings
    reached = not is_loopback(settings.host) or settings.allowed_hosts or settings.allowed_origins
    if settings.secret is None and reached:
        raise Denied(403, "A server that others can reach invites only with a secret.")
    await context.rooms.recall(room_id)
    if context.rooms.get(room_id) is None:
        raise Denied(404, "There is no such room.")
    return _invited(context, room_id)


@router.post("/rooms/{room_id}/join", status_code=201, response_model_exclude_none=True)
async def join_room(request: Request, room_id: str, body: JoinRequest) -> Joined:
    """Come in with an invite, or come back within the grace with a resume token."""
    context = context_of(request)
    tokens = context.tokens
    # Whoever may ask for the room has a token of it, be it an old one.
    tokens.verify(body.invite, room_id, "invite", expired=True)
    await context.rooms.recall(room_id)
    participant, returning = _stay(context, room_id, body.resume)
    # Who is in the room stays, for as long as the call is: an invite that has expired meanwhile is no reason to go.
    invite = tokens.verify(body.invite, room_id, "invite", expired=participant is not None)
    role = body.role or invite.role
    if participant is not None and participant.role != role:
        tokens.verify(body.invite, room_id, "invite")
        participant = None
    if participant is None and returning is None:
        context.rooms.check_link(invite)
    room = context.rooms.enter(room_id, invite.links)
    if participant is None:
        context.rooms.check_open()
        participant = room.join(body.name, role, host=invite.host, returning=returning)
    else:
        participant.host |= invite.host
        if participant.host and participant.id in room.admission.waiting:
            room.admit(participant)
        room.resume(participant)
    return Joined(
        participant=participant.id,
        token=tokens.mint("session", room_id, participant.role, participant.id),
        resume=tokens.mint("resume", room_id, participant.role, participant.id, participant.nonce),
        role=participant.role,
        expires_in=tokens.lifetime("session"),
        ice_servers=ice_servers(context.settings, participant.id),
        heartbeat=context.settings.heartbeat,
        host=participant.host,
        waiting=participant.id in room.admission.waiting,
    )


def _stay(context: Context, room_id: str, token: str | None) -> tuple[Participant | None, str | None]:
    """Read a resume token.

    Returns:
        Its holder, if they are still here; and the nonce of their stay, if they were let in and did not leave.

    Raises:
        Denied: 403, the host ended that stay.
    """
    room = context.rooms.get(room_id)
    if not token or room is None:
        return None, None
    try:
        resume = context.tokens.verify(token, room_id, "resume")
    except Denied:
        # One that is too old or of another server is no error: they come in anew.
        return None, None
    known = room.admission.knows(resume.nonce)
    found = room.find(resume.participant)
    return found if found is not None and found.nonce == resume.nonce else None, resume.nonce if known else None


@router.get("/rooms/{room_id}")
async def room_state(request: Request, room_id: str) -> RoomState:
    """Say who is in the room; needs an invite or a session token."""
    context = context_of(request)
    await context.bearer_claims(request, room_id)
    room = context.rooms.get(room_id)
    if room is None:
        raise HTTPException(404, "There is no such room now.")
    return room.notices.state()


@router.get("/rooms/{room_id}/transcript.{kind}", response_class=PlainTextResponse)
async def transcript(request: Request, room_id: str, kind: Literal["vtt", "srt", "txt"]) -> Response:
    """Return what was said in the room, as far as it is for who asks, in that format; needs a session token."""
    context = context_of(request)
    room, participant = context.entrant(await context.session_claims(request, room_id), "watch")
    if wait := room.insights.requests.limiter.take(participant.id):
        raise HTTPException(429, f"Too many downloads: wait {wait} s.", {"Retry-After": str(wait)})
    lines = room.insights.captions.transcript
    # Of a call of an hour it takes a fifth of a second.
    text = await asyncio.to_thread({"vtt": lines.vtt, "srt": lines.srt, "txt": lines.text}[kind], participant.sees_from)
    name = f'attachment; filename="earshot-{room_id}.{kind}"'
    types = {"vtt": "text/vtt", "srt": "application/x-subrip", "txt": "text/plain"}
    return Response(text, media_type=f"{types[kind]}; charset=utf-8", headers={"Content-Disposition": name})


@router.get("/rooms/{room_id}/summary.html", response_class=Response)
async def summary(request: Request, room_id: str, lang: Language = "en") -> Response:
    """Return the call until now as a page to keep, as far as it is for who asks; 204 while nobody has said anything."""
    context = context_of(request)
    room, participant = context.entrant(await context.session_claims(request, room_id), "watch")
    if wait := room.insights.requests.limiter.take(participant.id):
        raise HTTPException(429, f"Too many downloads: wait {wait} s.", {"Retry-After": str(wait)})
    # What changes meanwhile is gathered here, and written out aside.
    gathered = gather(room.insights, participant.sees_from)
    if not gathered.lines:
        return Response(status_code=204)
    text = await asyncio.to_thread(summary_page, gathered, lang)
    name = f'attachment; filename="earshot-{room_id}.html"'
    return Response(text, media_type="text/html; charset=utf-8", headers={"Content-Disposition": name})


@router.get("/rooms/{room_id}/figures/{participant_id}")
async def connection_figures(request: Request, room_id: str, participant_id: str) -> Figures:
    """Say what becomes of a participant's sound and picture on the way to who asks; needs a session token."""
    context = context_of(request)
    room, viewer = context.entrant(await context.session_claims(request, room_id), "watch")
    if wait := room.paces.figures.take(viewer.id):
        raise HTTPException(429, f"Too many questions: wait {wait} s.", {"Retry-After": str(wait)})
    if (participant := room.participants.get(participant_id)) is None:
        raise HTTPException(404, "There is no such participant.")
    return figures(viewer, participant)


def _invited(context: Context, room_id: str) -> NewRoom:
    links = context.links(room_id)
    link = f"/r/{room_id}#{links.invite}"
    return NewRoom(room=room_id, invite=links.invite, watch_invite=links.watch_invite, link=link)
