"""Recordings over HTTP: whether there is one, those of a room for its host, and their files."""

from __future__ import annotations

import asyncio
import mimetypes

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from streamer.auth import Claims, Denied, bearer
from streamer.messages.recording import RecordingState
from streamer.rooms.shelf import Progress
from streamer.server.context import Context, context_of

REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Of a report page: it stands alone, with its script in it, and has no part in what the call's page may."""

router = APIRouter(tags=["recordings"])


class KeptRecording(BaseModel):
    """A recording; `files` are under `address`, which is good for an hour. `begun` is YYYYMMDD-HHMMSS, UTC."""

    id: str
    begun: str
    progress: Progress
    files: list[str]
    deleted_at: float
    address: str


@router.get("/rooms/{room_id}/recording")
async def recording(request: Request, room_id: str) -> RecordingState:
    """Say whether the call is recorded; needs an invite or a session token.

    Whoever asks, and has no page, is taken to know the answer: from then on they are recorded as well.
    """
    context = context_of(request)
    # Who is in the call may ask for as long as it is, as may who only holds its link.
    token = bearer(request.headers.get("authorization"))
    claims = context.tokens.verify(token, room_id, "session", "invite", expired=True)
    room = context.rooms.get(room_id)
    if room is None:
        raise HTTPException(404, "There is no such room now.")
    for one in room.participants.values():
        theirs = one.id == claims.participant or (claims.kind == "invite" and one.guest_of == claims.nonce)
        if theirs and one.outbox is None:
            room.recording.shown(one)
    return room.recording.state()


@router.get("/rooms/{room_id}/recordings")
async def recordings(request: Request, room_id: str) -> list[KeptRecording]:
    """List the recordings of a room, the newest first; for its host, who asks with session token or invite."""
    context = context_of(request)
    _check_host(context, await context.bearer_claims(request, room_id))
    shelf = context.rooms.shelf
    return [
        KeptRecording(
            id=kept.id,
            begun=kept.begun,
            progress=kept.progress,
            files=kept.files,
            deleted_at=kept.deleted_at,
            address=f"/rooms/{room_id}/recordings/{kept.id}/"
            + context.tokens.mint("recording", room_id, "watch", participant=kept.id)
            + "/",
        )
        for kept in await asyncio.to_thread(shelf.of_room, room_id)
    ]


@router.get("/rooms/{room_id}/recordings/{recording_id}/{token}/{name}", response_class=FileResponse)
async def recorded_file(request: Request, room_id: str, recording_id: str, token: str, name: str) -> Response:
    """Return a file of a recording, under the address that its host was given."""
    context = context_of(request)
    if context.tokens.verify(token, room_id, "recording").participant != recording_id:
        raise Denied(403, "This address is of another recording.")
    path = await asyncio.to_thread(context.rooms.shelf.file, room_id, recording_id, name)
    if path is None:
        raise HTTPException(404, "There is no such file: the recording is not ready, or was deleted.")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    shown = {"Content-Security-Policy": REPORT_POLICY, "Cache-Control": "no-store"}
    return FileResponse(path, media_type=kind, headers=shown, filename=name, content_disposition_type="inline")


def _check_host(context: Context, claims: Claims) -> None:
    """Refuse who is not the host of the room.

    Raises:
        Denied: 403; 401 if they have left.
    """
    host = claims.host if claims.kind == "invite" else context.comer(claims)[1].host
    if not host:
        raise Denied(403, "Only the host can do that.")
