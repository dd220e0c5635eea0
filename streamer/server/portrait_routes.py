"""Portraits over HTTP: one's own is made of a photo, everybody's are fetched by who draws them."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from streamer.portraits.client import NoPortrait
from streamer.rooms.errors import Forbidden, TooMany
from streamer.server.context import context_of

router = APIRouter(tags=["portraits"])


@router.post("/rooms/{room_id}/portrait", status_code=201, response_class=Response)
async def make_portrait(request: Request, room_id: str) -> Response:
    """Make a portrait of whose session token it is, of a photo of theirs: JPEG, one face in it."""
    context = context_of(request)
    room, me = context.entrant(await context.session_claims(request, room_id), "publish")
    if request.headers.get("content-type") != "image/jpeg":
        raise HTTPException(415, "A photo is sent as image/jpeg.")
    try:
        await room.portraits.of_photo(me, await request.body())
    except Forbidden as error:
        raise HTTPException(403, str(error)) from error
    except TooMany as error:
        raise HTTPException(429, str(error), {"Retry-After": "10"}) from error
    except NoPortrait as error:
        raise HTTPException(422, str(error)) from error
    return Response(status_code=201)


@router.get("/rooms/{room_id}/portraits/{participant_id}", response_class=Response)
async def portrait(request: Request, room_id: str, participant_id: str) -> Response:
    """Return what is needed to draw a participant's portrait, as JSON; needs a session token."""
    context = context_of(request)
    room, _ = context.entrant(await context.session_claims(request, room_id), "watch")
    participant = room.participants.get(participant_id)
    if participant is None or participant.portrait is None:
        raise HTTPException(404, "There is no such portrait.")
    return Response(participant.portrait.sheet, media_type="application/json")
