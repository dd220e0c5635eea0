"""Two media servers behind a front door in one process: `python -m tests.browser.moving_site --port PORT`.

As in a cluster, without Ray. `POST /move/ROOM` has the server that a room is on leave, as one that is to be renewed.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr
from starlette.responses import JSONResponse
from starlette.routing import Route

from streamer.commands.serve import config
from streamer.front.directory import LocalDirectory
from streamer.front.door import Door, create_front
from streamer.front.passage import Passage
from streamer.front.placement import Member, Placement
from streamer.front.trust import FromDoor
from streamer.logs import configure_logging
from streamer.server.app import create_app
from streamer.server.connections import Connections
from streamer.settings import Settings

KEY = secrets.token_urlsafe(32)


class Media(uvicorn.Server):
    """A media server; `app` is what Earshot is."""

    def __init__(self, settings: Settings) -> None:
        self.app: Any = create_app(settings)
        own = settings.model_copy(update={"port": 0})
        super().__init__(config(own, FromDoor(self.app, KEY), Connections(own), proxy_headers=False))
        self.rooms = self.app.state.context.rooms
        self.install_signal_handlers = lambda: None

    @contextlib.contextmanager
    def capture_signals(self):
        """Leave signals to the front door."""
        yield

    def member(self) -> Member:
        port = self.servers[0].sockets[0].getsockname()[1]
        return Member("127.0.0.1", port, frozenset(room.id for room in self.rooms.all()))


async def main(port: int, keep: Path) -> None:
    key = SecretStr(secrets.token_urlsafe(32))
    settings = Settings(port=port, engine=False, observer=False, keep=keep, token_key=key, log_level="warning")
    servers = {name: Media(settings) for name in "ab"}
    placement = Placement()
    leaving: set[str] = set()

    def look() -> None:
        for name, server in servers.items():
            if server.started:
                placement.update(name, dataclasses.replace(server.member(), leaving=name in leaving))

    async def move(request):
        room = request.path_params["room"]
        name = next(name for name, server in servers.items() if server.rooms.get(room) is not None)
        leaving.add(name)
        look()
        await servers[name].rooms.move(room)
        return JSONResponse({"from": name, "to": placement.of(room)})

    async def watch() -> None:
        while True:
            look()
            await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def running():
        tasks = [asyncio.create_task(server.serve()) for server in servers.values()]
        tasks.append(asyncio.create_task(watch()))
        while len(placement.members) < len(servers):  # noqa: ASYNC110 - uvicorn tells nobody
            await asyncio.sleep(0.02)
        yield
        for server in servers.values():
            server.should_exit = True
        tasks.pop().cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    app = create_front(Door(settings, LocalDirectory(placement), KEY), running)
    app.router.routes.insert(0, Route("/move/{room}", move, methods=["POST"]))
    await uvicorn.Server(config(settings, app, Connections(settings), ws=Passage, proxy_headers=False)).serve()


if __name__ == "__main__":
    configure_logging("warning")
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(main(int(sys.argv[sys.argv.index("--port") + 1]), Path(folder)))
