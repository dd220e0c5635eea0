"""One of several media servers: `python -m streamer.commands.media_server SOCKET NAME`, as the front door starts it."""

from __future__ import annotations

import asyncio
import pickle
import signal
import socket
import sys
from types import FrameType
from typing import Any

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from streamer import clock
from streamer.commands.serve import HARD_EXIT_SECONDS, Server, config
from streamer.front.servers import HOST, Post
from streamer.front.trust import FromDoor
from streamer.logs import configure_logging
from streamer.server.app import create_app
from streamer.server.connections import raise_descriptor_limit
from streamer.server.context import Context
from streamer.server.http import Config
from streamer.workers import framing
from streamer.workers.priority import be_prompt


class MediaServer(Server):
    """A server that says of itself what the front door has to know, when that changes.

    Args:
        config: of the server.
        context: of its application.
        writer: to the front door.
    """

    hard_exit = HARD_EXIT_SECONDS

    def __init__(self, config: Config, context: Context, writer: asyncio.StreamWriter) -> None:
        super().__init__(config, context.rooms, context.settings.drain)
        self._context, self._writer = context, writer
        self._greeted = False
        self._told: framing.Message = {}

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at SIGTERM; Ctrl-C reaches the front door too, which says what is to be done."""
        if sig != signal.SIGINT:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second at most."""
        if self._greeted:
            self.tell()
        return await super().on_tick(counter)

    def tell(self) -> None:
        """Say where it is, which rooms there are, and whether it takes more."""
        context = self._context
        state = {
            "type": "state",
            "port": self.servers[0].sockets[0].getsockname()[1],
            "rooms": sorted(room.id for room in context.rooms.all()),
            "ready": not context.readiness.reasons(),
            "draining": context.rooms.stopping,
        }
        if state != self._told and not self._writer.is_closing():
            self._told = state
            self._writer.write(framing.encode(state))

    async def obey(self, reader: asyncio.StreamReader) -> None:
        """Do what the front door says, and end when it is not there any more."""
        stopped = False
        try:
            while not self.started:  # noqa: ASYNC110 - uvicorn sets a flag and tells nobody
                await asyncio.sleep(0.02)
            self._writer.write(framing.encode({"type": "ready"}))
            self._greeted = True
            while (message := await framing.read(reader))["type"] != "end":
                if message["type"] == "ping":
                    self._writer.write(framing.encode({"type": "pong", "n": message["n"]}))
                elif message["type"] == "stop" and not stopped:
                    stopped = True
                    self.handle_exit(signal.SIGTERM, None)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # then nobody can be let in any more
        self.should_exit = True


async def _serve(door: socket.socket, post: Post) -> None:
    be_prompt()
    settings = post.settings
    app: Any = create_app(settings)
    context: Context = app.state.context
    if settings.proxies:
        app = ProxyHeadersMiddleware(app, list(settings.proxies))
    door.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=door)
    options = {"ssl_certfile": None, "ssl_keyfile": None, "proxy_headers": False}
    served = config(settings, FromDoor(app, post.key), context.connections, **options)
    server = MediaServer(served, context, writer)
    obeying = asyncio.create_task(server.obey(reader), name="front door")
    try:
        # Connections from the front door are not counted by client: they are all its.
        await server.serve([socket.create_server((HOST, 0), backlog=1024)])
    finally:
        obeying.cancel()
        await asyncio.gather(obeying, return_exceptions=True)
        writer.close()


def main() -> None:
    """Serve until the front door says that it is enough, or has gone."""
    door = socket.socket(fileno=int(sys.argv[1]))
    post: Post = pickle.loads(framing.read_blocking(door)["post"])
    clock.share(post.origin)
    configure_logging(post.settings.log_level, post.settings.log_format)
    raise_descriptor_limit()
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again when it has stopped.
        signal.signal(number, lambda *_: None)
    asyncio.run(_serve(door, post))


if __name__ == "__main__":
    main()
