"""Run the server with uvicorn until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol

from streamer.auth import Role
from streamer.client import loopback
from streamer.client.loopback import page_address
from streamer.commands.port import require_free
from streamer.errors import Removed
from streamer.server import http
from streamer.server.app import create_app
from streamer.server.connections import Connections, raise_descriptor_limit
from streamer.server.context import Context
from streamer.settings import Settings
from streamer.workers.priority import be_prompt

log = logging.getLogger("earshot.serve")

SHUTDOWN_SECONDS = 5
"""Time that open requests and sockets get after SIGTERM."""

HARD_EXIT_SECONDS = 20.0
"""After SIGTERM, whatever still runs ends with the process: requests, sessions and models have had their time."""

TELL_SECONDS = 0.2
"""Time in which the pages hear that the server stops, before their sockets are closed."""

RESTART_SECONDS, LONGEST_RESTART_SECONDS = 2.0, 30.0
"""Pause before the demo's participant is started again: at first, and doubled each time up to this."""

STEADY_SECONDS = 60.0
"""A participant that lasted this long begins again with the short pause."""


class Calls(Protocol):
    """What a server has to let come to its end: rooms, or the servers that have them."""

    def stop(self, seconds: float) -> None:
        """Take nobody in any more, and say that calls have so many seconds."""

    @property
    def deserted(self) -> bool:
        """Whether nobody is there any more."""


class Minter(Protocol):
    """What makes invites."""

    def invite(self, room: str, role: Role, host: bool = False) -> str:
        """Make one."""


class Server(http.Server):
    """A server that lets calls end, for a while, and then ends for certain.

    Args:
        config: of the server.
        calls: what it carries.
        drain: seconds that calls have from the first signal on; a second one ends them.

    Attributes:
        hard_exit: seconds from then to the end of the process; None leaves it to the others.
    """

    hard_exit: float | None = None

    def __init__(self, config: http.Config, calls: Calls, drain: float) -> None:
        super().__init__(config)
        self._calls = calls
        self._drain = drain
        self._signalled = False
        self._ends: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at a signal."""
        if self._signalled:
            super().handle_exit(sig, frame)
            return
        self._signalled = True
        if self.hard_exit is not None:
            # A thread that never ends, or a loop that never runs again, would keep the process for ever.
            seconds = self._drain + self.hard_exit
            timer = threading.Timer(seconds, _end, (seconds,))
            timer.daemon = True
            timer.start()

    async def on_tick(self, counter: int) -> bool:
        """Say whether to end, ten times a second."""
        if await super().on_tick(counter):
            return True
        now = time.monotonic()
        if self._signalled and self._ends is None:
            self._calls.stop(self._drain)
            self._ends = now + max(self._drain, TELL_SECONDS)
        return self._ends is not None and (now >= self._ends or self._calls.deserted)


def _end(seconds: float) -> None:
    names = ", ".join(thread.name for thread in threading.enumerate() if not thread.daemon)
    log.error("not ended %g s after the signal, so it is ended hard; threads: %s", seconds, names)
    logging.shutdown()
    os._exit(1)


def make_server(settings: Settings) -> Server:
    """Build the server.

    Args:
        settings: checked settings.

    Returns:
        A server; its app is `create_app(settings)`.
    """
    app = create_app(settings)
    context: Context = app.state.context
    return Server(config(settings, app, context.connections), context.rooms, settings.drain)


def config(settings: Settings, app: Any, connections: Connections, **options: Any) -> http.Config:
    """Return how an application is served.

    Args:
        settings: checked settings.
        app: the application.
        connections: where they count.
        options: uvicorn's, which win over what the settings say.
    """
    said: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "ssl_certfile": str(settings.tls_cert) if settings.tls_cert else None,
        "ssl_keyfile": str(settings.tls_key) if settings.tls_key else None,
        "log_level": settings.log_level,
        "log_config": None,
        "access_log": False,
        "proxy_headers": bool(settings.proxies),
        "forwarded_allow_ips": list(settings.proxies),
        "server_header": False,
        "ws_max_size": settings.message_limit,
        "ws_per_message_deflate": False,
        "timeout_graceful_shutdown": SHUTDOWN_SECONDS,
        "h11_max_incomplete_event_size": settings.body_limit,
    }
    return http.Config(app, connections, **(said | options))


def serve_forever(settings: Settings, demo: bool = False) -> int:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: checked settings.
        demo: bring two talking portraits into a room.

    Returns:
        Exit code: 0, or 1 if the server could not start.

    Raises:
        UserError: the port is in use.
    """
    require_free(settings.host, settings.port)
    raise_descriptor_limit()
    server = make_server(settings)
    context: Context = server.config.app.state.context  # type: ignore[union-attr]
    return asyncio.run(run(server, settings, context, lambda: context.rooms.create().id, demo))


async def run(server: Server, settings: Settings, minter: Minter, new_room: Callable[[], str], demo: bool) -> int:
    """Serve until SIGINT or SIGTERM, and say where.

    Args:
        server: not started.
        settings: checked settings.
        minter: makes invites.
        new_room: makes the demo's room and returns its id.
        demo: bring two talking portraits into a room.

    Returns:
        Exit code.
    """
    be_prompt()
    server.hard_exit = HARD_EXIT_SECONDS
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn raises the signal again when it has stopped: by default that would end the process before
        # the demo's participant is stopped too.
        signal.signal(number, lambda *_: None)
    companion = asyncio.create_task(_announce(server, settings, minter, new_room, demo), name="announcement")
    try:
        await server.serve()
    except SystemExit:
        # The log says why, for instance that the port may not be had.
        return 1
    finally:
        companion.cancel()
        await asyncio.gather(companion, return_exceptions=True)
    return 0 if server.started else 1


async def _announce(
    server: Server, settings: Settings, minter: Minter, new_room: Callable[[], str], demo: bool
) -> None:
    """Say where the server is once it is up; keep the demo's participant running."""
    while not server.started:  # noqa: ASYNC110 - uvicorn sets a flag and tells nobody
        await asyncio.sleep(0.05)
    address = page_address(settings, server.servers[0].sockets[0].getsockname()[1])
    if not demo:
        print(f"Earshot is at {address}/", flush=True)
        return
    room = new_room()
    # Whoever starts the server is the host: the page takes this link out of its address, and shows one to pass on.
    host = minter.invite(room, "publish", host=True)
    print(f"The demo call is at {address}/r/{room}#{host}", flush=True)
    await keep_demo(address, room, lambda: minter.invite(room, "publish"), settings)


async def keep_demo(address: str, room: str, mint: Callable[[], str], settings: Settings) -> None:
    """Run the demo's participant as a process of its own, again if it ends, until cancelled or the host removes it.

    Args:
        address: the server's.
        room: room id.
        mint: makes an invite to publish; one may expire before the participant has to begin again.
        settings: the server's: certificate and host names.
    """
    command = ["-m", "streamer", "join", "--demo", "--loop", "--name", "Demo"]
    command += ["--server", address, "--room", room]
    # Not as an argument: those can be read by every user of the machine.
    environment = os.environ | await asyncio.to_thread(loopback.environment, settings)
    pause = RESTART_SECONDS
    while True:
        began = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *command,
            env=environment | {"EARSHOT_INVITE": mint()},
            stdin=asyncio.subprocess.DEVNULL,
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                try:
                    await asyncio.wait_for(process.wait(), 3)
                except TimeoutError:
                    process.kill()
        if code == Removed.exit_code:
            log.info("the host removed the demo's participant")
            return
        if time.monotonic() - began > STEADY_SECONDS:
            pause = RESTART_SECONDS
        log.warning("the demo's participant ended with code %s and begins again in %g s", code, pause)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_RESTART_SECONDS)
