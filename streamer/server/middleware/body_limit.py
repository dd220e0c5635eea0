"""How large the body of a request may be, and how long it may take to come."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.server.middleware.base import Check, Refusal, changes_nothing
from streamer.settings import Settings

END = {"Connection": "close"}
"""What is left of such a body is not read: the connection cannot be used for another request."""


class BodyLimit(Check):
    """Refuses a body that is too large with 413, at once where Content-Length says so, and one that stalls with 408.

    Args:
        app: the application behind it.
        settings: bytes and seconds.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        self._limit, self._deadline = settings.body_limit, settings.body_deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        await super().__call__(scope, self._limited(receive) if scope["type"] == "http" else receive, send)

    def refusal(self, scope: Scope, headers: Headers) -> Refusal | None:
        """Return why a connection is refused before anything of its body is read, or None."""
        length = headers.get("content-length", "0")
        if changes_nothing(scope) or (length.isdigit() and int(length) <= self._limit):
            return None
        return Refusal(413, self._too_large)

    @property
    def _too_large(self) -> str:
        return f"The body is larger than {self._limit} bytes."

    def _limited(self, receive: Receive) -> Receive:
        read = 0
        whole = False
        deadline = asyncio.get_running_loop().time() + self._deadline

        async def limited() -> Message:
            nonlocal read, whole
            if whole:
                # Only a disconnect is left to come.
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"The body did not come within {self._deadline:g} s.", END) from None
            if message["type"] == "http.request":
                whole = not message.get("more_body", False)
                read += len(message.get("body", b""))
                if read > self._limit:
                    raise HTTPException(413, self._too_large, END)
            return message

        return limited
