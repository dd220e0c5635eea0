"""What the routes share: one object an application, reached through `request.app.state`."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import HTTPConnection

from streamer.auth import Claims, Denied, Role, Tokens, bearer
from streamer.engine.client import EngineClient
from streamer.messages.hosting import Links
from streamer.observer.client import ObserverClient
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.rooms import Rooms
from streamer.server.connections import Connections
from streamer.server.demos import Demos
from streamer.server.metrics import Metrics
from streamer.server.middleware.hosts import host_name
from streamer.server.readiness import Readiness
from streamer.settings import LOOPBACK_NAMES, Settings, is_loopback

FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
"""Headers that proxies add (RFC 7239, RFC 9110, and custom)."""


@dataclass(frozen=True)
class Context:
    """The parts of a running server."""

    settings: Settings
    tokens: Tokens
    rooms: Rooms
    engine: EngineClient
    observer: ObserverClient
    metrics: Metrics
    connections: Connections
    demos: Demos
    readiness: Readiness

    async def bearer_claims(self, connection: HTTPConnection, room: str) -> Claims:
        """Check the token in the Authorization header; its room comes back if it is kept elsewhere.

        Args:
            connection: the request.
            room: room id in its path.

        Returns:
            The claims of a session token or an invite.

        Raises:
            Denied: 401 or 403; also for an invite that was replaced.
        """
        claims = self.tokens.verify(bearer(connection.headers.get("authorization")), room, "session", "invite")
        await self.rooms.recall(room)
        if claims.kind == "invite":
            self.rooms.check_link(claims)
        return claims

    def invite(self, room: str, role: Role, host: bool = False) -> str:
        """Make an invite that is good until the room's links are replaced; a host's is good longer than that."""
        found = self.rooms.get(room)
        return self.tokens.mint("invite", room, role, links=found.rules.links if found else 0, host=host)

    def links(self, room: str) -> Links:
        """Make the invites that a host hands on."""
        return Links(invite=self.invite(room, "publish"), watch_invite=self.invite(room, "watch"))

    async def session_claims(self, connection: HTTPConnection, room: str) -> Claims:
        """Check a token that only someone who has joined holds; its room comes back if it is kept elsewhere.

        Args:
            connection: the request, with the token in its Authorization header.
            room: room id in its path.

        Returns:
            The claims.

        Raises:
            Denied: 401 or 403.
        """
        claims = self.tokens.verify(bearer(connection.headers.get("authorization")), room, "session")
        await self.rooms.recall(room)
        return claims

    def check_operator(self, connection: HTTPConnection) -> None:
        """Refuse who may not make rooms and read metrics: whoever has not the secret, or is not on this machine.

        Args:
            connection: the request.

        Raises:
            Denied: 401 for a wrong secret; 403 if there is none and the request came by a proxy, which makes the
                whole network look like this machine.
        """
        self.tokens.check_secret(connection.headers.get("authorization"))
        if self.settings.secret is None and self._proxied(connection):
            raise Denied(403, "Behind a proxy the server needs a secret: set one, and send it as Bearer.")

    def _proxied(self, connection: HTTPConnection) -> bool:
        if self.settings.proxies or any(name in connection.headers for name in FORWARDED):
            return True
        # Only a proxy brings a name to a server that nothing but this machine can reach.
        return is_loopback(self.settings.host) and host_name(connection.headers.get("host")) not in LOOPBACK_NAMES

    def entrant(self, claims: Claims, role: Role) -> tuple[Room, Participant]:
        """Find the participant a token speaks for; an invite brings a new guest.

        Args:
            claims: from `bearer_claims`.
            role: what the bearer wants to do.

        Returns:
            The room, and the participant in it.

        Raises:
            Denied: 403 if the role is not enough, the room is locked or they wait, 401 if the participant has left.
            Full: no place for a guest, or the server is about to stop.
        """
        if role == "publish" and claims.role != "publish":
            raise Denied(403, "This invite is for watching only.")
        if claims.kind == "invite":
            self.rooms.check_open()
            room = self.rooms.enter(claims.room, claims.links)
            return room, room.join(None, role, guest_of=claims.nonce, host=claims.host)
        room, participant = self.comer(claims)
        if participant.id not in room.participants:
            raise Denied(403, "The host has not let you in yet.")
        return room, participant

    def comer(self, claims: Claims) -> tuple[Room, Participant]:
        """Find the participant a session token speaks for, who may still wait to be let in.

        Raises:
            Denied: 401 if the participant has left.
        """
        room = self.rooms.get(claims.room)
        participant = room.find(claims.participant) if room else None
        if room is None or participant is None:
            raise Denied(401, "You are not in the room any more: join again.")
        return room, participant


def context_of(connection: HTTPConnection) -> Context:
    """Return the application's context."""
    context: Context = connection.app.state.context
    return context
