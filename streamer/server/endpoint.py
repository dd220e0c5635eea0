"""WHIP (RFC 9725) and WHEP, at `/rooms/{room}/whip` and `/whep`: SDP in, SDP out, trickle, delete, refusals."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

from streamer.auth import Claims, Denied, Role, bearer
from streamer.ice_servers import ice_servers
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.session import Session
from streamer.rooms.share import share
from streamer.rtc.candidates import AddressRules
from streamer.rtc.offer import PUBLISH, WATCH, Shape, checked_offer
from streamer.rtc.sdp import FRAGMENT_TYPE, OFFER_TYPE, parse_fragment
from streamer.server.context import context_of
from streamer.settings import IceServer

RECORDED_HEADER = "Earshot-Recording"
"""`?1` (RFC 9651) in an answer while the call is recorded."""

OpenSession = Callable[[Room, Participant, str], Awaitable[tuple[Session, str]]]


def ice_links(servers: Sequence[IceServer]) -> list[str]:
    """Write STUN and TURN servers as Link headers (RFC 9725, 4.6).

    Args:
        servers: those of one client.

    Returns:
        One value an address.
    """
    links = []
    for server in servers:
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"'
            if server.username is not None and server.credential is not None:
                link += (
                    f"; username={quoted(server.username)}; credential={quoted(server.credential)}"
                    '; credential-type="password"'
                )
            links.append(link)
    return links


def quoted(text: str) -> str:
    """Write a quoted-string (RFC 9110, 5.6.4)."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def media_type(request: Request) -> str:
    """Return the request's media type without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def text_body(request: Request, wanted: str) -> str:
    """Read a body of the wanted type.

    Args:
        request: whose body.
        wanted: media type.

    Returns:
        The text.

    Raises:
        HTTPException: 415, 413, or 400 if it is not UTF-8.
    """
    if media_type(request) != wanted:
        raise HTTPException(415, f"Send the body as {wanted}.", {"Accept-Post": OFFER_TYPE})
    try:
        return (await request.body()).decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPException(400, "The body is not UTF-8.") from error


def check_match(request: Request, etag: str) -> None:
    """Demand that If-Match names the session's entity tag.

    Raises:
        HTTPException: 428 without one, 412 with another.
    """
    match = request.headers.get("if-match")
    if match is None:
        raise HTTPException(428, "A PATCH needs If-Match with the session's ETag.")
    tags = {tag.strip() for tag in match.split(",")}
    # "*" is what an ICE restart carries; parse_fragment and Peer.trickle refuse those by themselves.
    if "*" not in tags and etag not in tags:
        raise HTTPException(412, "If-Match names another ICE session.")


def owned_session(request: Request, room_id: str, session_id: str, kind: str) -> tuple[Room, Participant, Session]:
    """Find a session that the bearer may change.

    Returns:
        Its room, whose it is, and the session.

    Raises:
        Denied: it belongs to someone else.
        HTTPException: 404.
    """
    context = context_of(request)
    # A session outlives the token that opened it: its owner can still end it, and no more than that.
    token = bearer(request.headers.get("authorization"))
    claims: Claims = context.tokens.verify(token, room_id, "session", "invite", expired=True)
    room = context.rooms.get(room_id)
    found = room.sessions.get(session_id) if room else None
    if room is None or found is None or found[1].kind != kind:
        reason = context.rooms.peers.endings.reason(session_id)
        raise HTTPException(404, f"The session has ended: {reason}." if reason else "There is no such session.")
    owner, session = found
    if owner.guest_of is not None:
        if claims.kind != "invite" or claims.nonce != owner.guest_of:
            raise Denied(403, "The session belongs to someone else.")
    elif claims.kind != "session" or claims.participant != (owner.screen_of or owner.id):
        raise Denied(403, "The session belongs to someone else.")
    return room, owner, session


def session_routes(kind: str, role: Role, shape: Shape, open_session: OpenSession) -> APIRouter:
    """Make the routes of one endpoint and its sessions.

    Args:
        kind: "whip" or "whep", the last part of the path.
        role: what the bearer has to be allowed to do.
        shape: m-lines taken.
        open_session: makes the session and the answer.

    Returns:
        A router.
    """
    router = APIRouter(prefix="/rooms/{room_id}", tags=[kind])
    at = f"/{kind}"

    @router.post(at, status_code=201, response_class=Response)
    async def post(request: Request, room_id: str) -> Response:
        """Answer an SDP offer; Location names the session, ETag its ICE session."""
        context = context_of(request)
        claims = await context.bearer_claims(request, room_id)
        offer = checked_offer(await text_body(request, OFFER_TYPE), shape, AddressRules.of(context.settings))
        room, participant = context.entrant(claims, role)
        session, answer = await open_session(room, participant, offer)
        response = Response(answer, 201, media_type=OFFER_TYPE)
        response.headers["Location"] = f"/rooms/{room_id}/{session.kind}/{session.id}"
        response.headers["ETag"] = session.peer.etag
        if room.recording.on:
            # The one thing that a bare client of WHIP or WHEP can be told; see streamer/rooms/recording.py.
            response.headers[RECORDED_HEADER] = "?1"
            if participant.guest_of is not None:
                room.recording.shown(participant)
        for link in ice_links(ice_servers(context.settings, participant.id)):
            response.headers.append("Link", link)
        return response

    @router.patch(at + "/{session_id}", status_code=204, response_class=Response)
    async def patch(request: Request, room_id: str, session_id: str) -> Response:
        """Add trickled ICE candidates."""
        _, _, session = owned_session(request, room_id, session_id, kind)
        body = await text_body(request, FRAGMENT_TYPE)
        check_match(request, session.peer.etag)
        await session.peer.trickle(parse_fragment(body, AddressRules.of(context_of(request).settings)))
        return Response(status_code=204)

    @router.delete(at + "/{session_id}", response_class=Response)
    async def delete(request: Request, room_id: str, session_id: str) -> Response:
        """End the session."""
        room, owner, session = owned_session(request, room_id, session_id, kind)
        await room.end_session(owner, session)
        return Response(status_code=200)

    @router.options(at, response_class=Response)
    @router.options(at + "/{session_id}", response_class=Response)
    async def options(request: Request, room_id: str, session_id: str | None = None) -> Response:
        """Say what can be posted and, to who has a token, the ICE servers; answer a browser's preflight."""
        context = context_of(request)
        allow = "POST, OPTIONS" if session_id is None else "PATCH, DELETE, OPTIONS"
        headers = {"Allow": allow, "Accept-Post": OFFER_TYPE, "Accept-Patch": FRAGMENT_TYPE}
        if request.headers.get("origin") in context.settings.allowed_origins:
            headers |= {
                "Access-Control-Allow-Methods": allow,
                "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
                "Access-Control-Max-Age": "600",
            }
        response = Response(status_code=204, headers=headers)
        if "authorization" in request.headers:
            # A preflight carries no token; a client asks with one before it makes its offer (RFC 9725, 4.6).
            claims = await context.bearer_claims(request, room_id)
            for link in ice_links(ice_servers(context.settings, claims.participant or claims.nonce)):
                response.headers.append("Link", link)
        return response

    return router


whip = session_routes("whip", "publish", PUBLISH, Room.publish)
"""Publish: for the page, OBS and whatever else speaks WHIP."""

screen = session_routes("screen", "publish", PUBLISH, share)
"""Share a screen: a WHIP endpoint, too, whose sessions are ended and trickled to as those of any other WHIP client."""

whep = session_routes("whep", "watch", WATCH, Room.watch)
"""Watch and hear: one mixed sound and up to nine pictures."""
