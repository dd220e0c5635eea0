"""Which host names the server answers to: a page elsewhere cannot reach it by rebinding a name of its own."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Scope

from streamer.server.middleware.base import Check, Refusal
from streamer.settings import Settings


class HostCheck(Check):
    """Refuses other Host headers with 421.

    Args:
        app: the application behind it.
        settings: names there are; without any, every name will do.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._names = settings.host_names

    def refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Return why a connection is refused, or None."""
        host = headers.get("host")
        if self._names and host_name(host) not in self._names:
            return Refusal(421, f"This server does not answer to {host}; allowed_hosts names the hosts it does.")
        return None


def host_name(host: str | None) -> str:
    """Return the name in a Host header, without port and brackets, lower-case."""
    text = (host or "").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]
