"""Who may do what: signed invites, session and resume tokens, the server's secret, browser origins."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args
from urllib.parse import urlsplit

import jwt

from streamer.clock import now
from streamer.settings import Settings

Role = Literal["publish", "watch"]
Kind = Literal["invite", "session", "resume", "recording"]

ALGORITHM = "HS256"

RECORDING_LIFETIME = 3600.0
"""Seconds for which the address of one recording is good, so that it can be watched; the page asks for it anew."""


class Denied(Exception):
    """The credential is missing, wrong or too weak.

    Attributes:
        status: 401 for a missing or wrong credential, 403 for one that does not allow this.
        reason: one sentence for the client.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate value (RFC 6750)."""
        return 'Bearer realm="earshot"' if self.status == 401 else 'Bearer realm="earshot", error="insufficient_scope"'


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says.

    Attributes:
        kind: invite, session, resume or recording.
        room: room id.
        role: what its bearer may do.
        participant: participant id; empty for an invite; the recording's id for one of those.
        nonce: random text that ties a resume token to one stay of a participant, and names an invite.
        expires_at: Unix seconds.
        links: of an invite, how often the room's links had been replaced when it was made.
        host: of an invite, whether its bearer is the room's host.
    """

    kind: Kind
    room: str
    role: Role
    participant: str
    nonce: str
    expires_at: float
    links: int = 0
    host: bool = False


class Tokens:
    """Mints and verifies tokens with one key, made from the token key, else the secret or, without either, at random.

    Args:
        settings: secret and lifetimes.
        clock: Unix seconds; it steps no more than sessions do, which the setting of a clock must not end.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = now) -> None:
        self._secret = settings.secret.get_secret_value().encode() if settings.secret else None
        known = settings.token_key or settings.secret
        source = known.get_secret_value() if known else secrets.token_urlsafe(32)
        # Not the secret itself: the key also signs what anyone with an invite can see.
        self._key = hmac.digest(source.encode(), b"earshot token key v1", hashlib.sha256)
        self._lifetimes: dict[Kind, float] = {
            "invite": settings.invite_lifetime,
            "session": settings.token_lifetime,
            "resume": settings.invite_lifetime,
            "recording": RECORDING_LIFETIME,
        }
        self._clock = clock

    def mint(
        self,
        kind: Kind,
        room: str,
        role: Role,
        participant: str = "",
        nonce: str = "",
        *,
        links: int = 0,
        host: bool = False,
    ) -> str:
        """Sign a token.

        Args:
            kind: which of the four; sets its lifetime and where it is accepted.
            room: room id.
            role: publish or watch.
            participant: participant id, for session and resume tokens.
            nonce: given for a resume token, else made here.
            links: of an invite, how often the room's links have been replaced.
            host: whether an invite makes its bearer the room's host.

        Returns:
            A JWT.
        """
        made = self._clock()
        claims: dict[str, Any] = {
            "aud": kind,
            "room": room,
            "role": role,
            "sub": participant,
            "jti": nonce or secrets.token_hex(8),
            "iat": int(made),
            "exp": int(made + self._lifetimes[kind]),
        }
        if kind == "invite":
            claims |= {"links": links, "host": host}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def lifetime(self, kind: Kind) -> float:
        """Return how long a fresh token of this kind is good for, in seconds."""
        return self._lifetimes[kind]

    def verify(self, token: str, room: str, *kinds: Kind, expired: bool = False) -> Claims:
        """Check a token.

        Args:
            token: the JWT.
            room: the room it has to be for.
            kinds: the kinds accepted here.
            expired: accept one that has expired, where it gives no more than its bearer has already.

        Returns:
            Its claims.

        Raises:
            Denied: 401 if it is not a token of ours or has expired, 403 if it is for something else.
        """
        try:
            # Expiry is checked below against the injected clock.
            claims: dict[str, Any] = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=list(get_args(Kind)),
                options={"require": ["exp", "aud", "room", "role"], "verify_exp": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError) as error:
            raise Denied(401, f"The token is not valid: {_advice(token)}") from error
        if not expired and claims["exp"] <= self._clock():
            raise Denied(401, "The token has expired.")
        if claims["aud"] not in kinds:
            raise Denied(403, f"A token of kind {claims['aud']} is not accepted here.")
        if claims["room"] != room:
            raise Denied(403, "The token is for another room.")
        return Claims(
            kind=claims["aud"],
            room=room,
            role=claims["role"],
            participant=claims.get("sub", ""),
            nonce=claims.get("jti", ""),
            expires_at=float(claims["exp"]),
            links=claims.get("links", 0),
            host=claims.get("host", False),
        )

    def check_secret(self, authorization: str | None) -> None:
        """Refuse a request that needs the secret and does not carry it.

        Args:
            authorization: the Authorization header.

        Raises:
            Denied: 401.
        """
        if self._secret is None:
            return
        if not hmac.compare_digest(bearer(authorization).encode(), self._secret):
            raise Denied(401, "The secret is wrong.")


def _advice(token: str) -> str:
    """Say what is wrong with what is no token of ours, for whoever pasted it."""
    if "#" in token:
        return "it is only what comes after the # of the invite link."
    if not token.isascii() or token[:1] in ("'", '"'):
        # A program may take its quotation marks from a word processor; a token has letters, digits, -, _ and dots.
        return "leave out the quotation marks."
    if token.lower().startswith("bearer"):
        return "write Bearer once."
    return "it is all that comes after the # of the invite link."


def bearer(authorization: str | None) -> str:
    """Take the token out of an Authorization header.

    Args:
        authorization: the header, or None.

    Returns:
        The token.

    Raises:
        Denied: 401 if there is none.
    """
    scheme, _, token = (authorization or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise Denied(401, "Send a token: Authorization: Bearer ….")
    return token


def origin_allowed(origin: str | None, host: str | None, allowed: tuple[str, ...]) -> bool:
    """Say whether a browser's page may make this request.

    Args:
        origin: the Origin header; None means that the client is no browser page.
        host: the Host header.
        allowed: origins allowed besides the server's own.

    Returns:
        True if it may.
    """
    if origin is None:
        return True
    if origin.lower() in {entry.lower() for entry in allowed}:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(host) and parts.netloc.lower() == (host or "").lower()
