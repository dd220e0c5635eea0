"""The server's application as uvicorn calls it, without sockets."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from streamer.server.app import create_app
from streamer.settings import Settings


class Application:
    """The server's application without sockets; what it does not expect is raised."""

    def __init__(self) -> None:
        fast = {"requests_burst": 10_000_000, "requests_per_second": 1e6, "max_rooms": 100_000}
        self.app = create_app(Settings(engine=False, observer=False, messages_per_second=1e6, **fast))  # type: ignore[arg-type]
        # It would start a process.
        self.app.state.context.demos.start = lambda *arguments: None

    @property
    def rooms(self) -> Any:
        """Its rooms."""
        return self.app.state.context.rooms

    async def request(
        self, method: str, target: str, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[int, bytes]:
        """Ask, as uvicorn hands requests on."""
        raw, _, query = target.partition("?")
        scope = self._scope("http", raw, query, headers) | {"method": method, "http_version": "1.1"}
        came, sent = iter([{"type": "http.request", "body": body}]), list[dict[str, Any]]()

        async def receive() -> dict[str, Any]:
            return next(came, {"type": "http.disconnect"})

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)  # type: ignore[arg-type]
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])

    async def converse(self, room: str, said: list[str]) -> None:
        """Say something by a control socket from its beginning to its end."""
        events: list[dict[str, Any]] = [{"type": "websocket.connect"}]
        came = iter(events + [{"type": "websocket.receive", "text": text} for text in said])

        async def receive() -> dict[str, Any]:
            return next(came, {"type": "websocket.disconnect", "code": 1000})

        async def send(message: dict[str, Any]) -> None:
            pass

        await self.app(self._scope("websocket", f"/rooms/{room}/control", "", []), receive, send)  # type: ignore[arg-type]

    @staticmethod
    def _scope(kind: str, raw: str, query: str, headers: list[tuple[bytes, bytes]]) -> dict[str, Any]:
        there = raw.encode("utf-8", "surrogatepass")
        return {
            "type": kind,
            "asgi": {"version": "3.0"},
            "scheme": "http" if kind == "http" else "ws",
            "path": unquote(raw, errors="replace"),
            "raw_path": there,
            "root_path": "",
            "query_string": query.encode("utf-8", "surrogatepass"),
            "headers": [(b"host", b"127.0.0.1"), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "subprotocols": [],
        }
