"""Pages of which origins may use the server, and what they may read of its answers (Fetch standard, CORS)."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Scope

from streamer.auth import origin_allowed
from streamer.server.middleware.base import AnswerHeaders, Check, Refusal, changes_nothing
from streamer.settings import Settings

SHARED = re.compile(r"/rooms/[^/]+/(?:whip|whep)(?:/|$)")
"""What pages of allowed origins may use, refusals and all."""

EXPOSED = "Location, ETag, Link, Retry-After, WWW-Authenticate"
"""Headers of an answer that such a page may read."""


class OriginCheck(Check):
    """Refuses what a page of another origin wants to change, or a WebSocket it opens, with 403.

    Args:
        app: the application behind it.
        settings: allowed origins.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._allowed = settings.allowed_origins

    def refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Return why a connection is refused, or None."""
        if changes_nothing(scope) or origin_allowed(headers.get("origin"), headers.get("host"), self._allowed):
            return None
        return Refusal(403, "Pages of this origin may not use the server; see allowed_origins.")


class CorsHeaders(AnswerHeaders):
    """Lets pages of allowed origins read the answers of WHIP and WHEP.

    Args:
        app: the application behind it.
        settings: allowed origins.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._allowed = settings.allowed_origins

    def add(self, scope: Scope, asked: Headers, answer: MutableHeaders) -> None:
        """Add to an answer's headers."""
        origin = asked.get("origin", "")
        if SHARED.match(scope["path"]) and origin in self._allowed:
            answer["Access-Control-Allow-Origin"] = origin
            answer["Access-Control-Expose-Headers"] = EXPOSED
            answer.add_vary_header("Origin")
