"""Counting answers for the metrics."""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class AnswerCount:
    """Counts every HTTP answer, refusals too.

    Args:
        app: the application behind it.
        count: called with (method, status).
    """

    def __init__(self, app: ASGIApp, count: Callable[[str, int], None]) -> None:
        self.app = app
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._count(scope["method"], message["status"])
            await send(message)

        await self.app(scope, receive, counted)
