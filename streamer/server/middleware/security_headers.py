"""What browsers are told to refuse: other sources, frames, sniffing, and plain HTTP where there is TLS."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Scope

from streamer.server.middleware.base import AnswerHeaders
from streamer.settings import Settings

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "media-src 'self' blob: mediastream:; font-src 'self'; manifest-src 'self'; worker-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
"""Content-Security-Policy of everything: nothing is loaded from elsewhere."""

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
}
"""On every answer."""

PLAIN_HOST = re.compile(r"[a-z0-9.-]+(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""Goes into the policy, so nothing that could end its directive; the policy's grammar knows no IPv6 addresses."""


class SecurityHeaders(AnswerHeaders):
    """Adds them to every answer.

    Args:
        app: the application behind it.
        settings: whether there is TLS.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._tls = bool(settings.tls_cert)

    def add(self, scope: Scope, asked: Headers, answer: MutableHeaders) -> None:
        """Add to an answer's headers."""
        for name, value in HEADERS.items():
            answer[name] = value
        answer.setdefault("Content-Security-Policy", page_policy(asked.get("host")))
        if self._tls:
            answer["Strict-Transport-Security"] = "max-age=31536000"


def page_policy(host: str | None) -> str:
    """Return the page's policy; for Safari before 15.4, whose 'self' leaves out WebSockets, it names the host.

    Args:
        host: the Host header.

    Returns:
        A Content-Security-Policy.
    """
    if host is None or not PLAIN_HOST.fullmatch(host):
        return PAGE_POLICY
    return PAGE_POLICY.replace("connect-src 'self'", f"connect-src 'self' ws://{host} wss://{host}")
