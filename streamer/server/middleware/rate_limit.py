"""How often one client may change something or open a WebSocket."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Scope

from streamer.limits import RateLimiter, client_of
from streamer.server.middleware.base import Check, Refusal, changes_nothing


class RateLimit(Check):
    """Refuses what comes too often with 429.

    Args:
        app: the application behind it.
        limiter: a bucket for each client.
    """

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        super().__init__(app)
        self._limiter = limiter

    def refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Return why a connection is refused, or None."""
        if changes_nothing(scope):
            return None
        if wait := self._limiter.take(client_of(scope["client"][0]) if scope.get("client") else ""):
            return Refusal(429, f"Too many requests: wait {wait} s.", {"Retry-After": str(wait)})
        return None
