"""A media server as a Ray actor: its process is the server's, which has models as its children, or uses everybody's."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import os
import signal
import threading
from dataclasses import dataclass, replace
from typing import Any

import ray
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from streamer.cluster.keeper import RayKeeper
from streamer.cluster.models import place_of
from streamer.cluster.names import MANAGER, NAMESPACE
from streamer.cluster.registry import TELL_SECONDS, Said
from streamer.cluster.scaling import Load
from streamer.commands.serve import Server, config
from streamer.engine.client import EngineClient
from streamer.front.placement import Member
from streamer.front.trust import FromDoor
from streamer.logs import configure_logging
from streamer.observer.client import ObserverClient
from streamer.server.app import create_app
from streamer.server.connections import Connections, raise_descriptor_limit
from streamer.server.context import Context
from streamer.server.http import Config
from streamer.settings import Settings
from streamer.workers.priority import be_prompt

ANSWER_SECONDS = 2.0
"""Time that the manager has to take in a word."""

log = logging.getLogger("earshot.cluster")


@dataclass(frozen=True)
class Post:
    """What all media servers of a cluster are told.

    Attributes:
        settings: of the cluster; each takes its share of the UDP ports.
        key: by which they know the front door.
        door: address of the machine that the front door is on.
        most: servers that share the UDP ports.
        gpus: share of a GPU that each engine is given; 0 where there is none.
        engines: engines, and as many observers, that all use, at the most; 0: each server has its own.
    """

    settings: Settings
    key: str
    door: str
    most: int
    gpus: float = 0.0
    engines: int = 0

    @property
    def models_key(self) -> bytes:
        """By which media servers and models know each other."""
        return hmac.digest(self.key.encode(), b"earshot models", "sha256")


class Drops:
    """Share of pictures that the models left out, between two looks at the counters."""

    def __init__(self) -> None:
        self._sent = self._dropped = 0
        self.share = 0.0

    def look(self, sent: int, dropped: int) -> None:
        """Take in the counters; too few pictures say nothing."""
        more, lost = sent - self._sent, dropped - self._dropped
        if more + lost >= 20 or more + lost < 0:
            self.share = max(0.0, lost / max(1, more + lost))
            self._sent, self._dropped = sent, dropped


class Telling(Server):
    """A server that tells the manager what becomes of it, and does what that answers.

    Args:
        config: of the server.
        context: of its application.
        name: by which the manager knows it.
    """

    def __init__(self, config: Config, context: Context, name: str) -> None:
        super().__init__(config, context.rooms, context.settings.drain)
        self._context, self._name = context, name
        self._drops = Drops()
        self._told: Said | None = None
        self._told_at = float("-inf")
        self._telling: asyncio.Task[None] | None = None
        self._moved: set[str] = set()

    async def on_tick(self, counter: int) -> bool:
        """Tell, ten times a second at most."""
        now = asyncio.get_running_loop().time()
        if self._telling is None or self._telling.done():
            said = self.state()
            news = self._told is None or replace(said, load=self._told.load) != self._told
            if news or now - self._told_at >= TELL_SECONDS:
                self._told, self._told_at = said, now
                self._telling = asyncio.create_task(self._tell(said), name="telling the manager")
        return await super().on_tick(counter)

    def state(self) -> Said:
        """Say where it is, which rooms it has and how it gets on."""
        context, settings = self._context, self._context.settings
        rooms = context.rooms.all()
        port = self.servers[0].sockets[0].getsockname()[1]
        scheme = "https" if settings.tls_cert else "http"
        host = settings.allowed_hosts[-1] if settings.allowed_hosts else settings.host
        member = Member(
            settings.host,
            port,
            frozenset(room.id for room in rooms),
            not context.readiness.reasons(),
            context.rooms.stopping,
            url=f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}",
        )
        counts = context.engine.statistics
        self._drops.look(counts.video_sent, counts.video_dropped)
        load = Load(len(rooms), context.readiness.late, self._drops.share, context.readiness.lag)
        people = sum(len(room.participants) for room in rooms)
        return Said(member, load, people, ray.get_runtime_context().get_node_id())

    async def _tell(self, said: Said) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                manager = await asyncio.to_thread(ray.get_actor, MANAGER, NAMESPACE)
                elsewhere = await manager.tell.remote(self._name, said)
        except (TimeoutError, ValueError, ray.exceptions.RayError) as error:
            # Calls go on without it; it is told anew in a moment.
            log.warning("the manager does not answer: %s", type(error).__name__)
            return
        moving, self._moved = set(elsewhere) - self._moved, set(elsewhere)
        await asyncio.gather(*map(self._context.rooms.move, moving))


class MediaServer:
    """The actor.

    Args:
        name: by which Ray and the manager know it.
        number: which share of the UDP ports is its own.
        post: what all are told.
    """

    def __init__(self, name: str, number: int, post: Post) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: Telling | None = None
        self._thread = threading.Thread(target=self._run, args=(name, number, post), name=name, daemon=True)
        self._thread.start()

    async def ended(self) -> None:
        """Return when it has; whoever waits knows from Ray if it does otherwise."""
        while self._thread.is_alive():  # noqa: ASYNC110 - another thread's end, which tells no loop
            await asyncio.sleep(0.1)

    async def stop(self) -> None:
        """End: what is still open is closed."""
        if self._loop is not None and self._server is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._server.handle_exit, signal.SIGTERM, None)

    async def pid(self) -> int:
        """Return the number of the process."""
        return os.getpid()

    async def node(self) -> str:
        """Return Ray's id of the machine."""
        return str(ray.get_runtime_context().get_node_id())

    def _run(self, name: str, number: int, post: Post) -> None:
        try:
            configure_logging(post.settings.log_level, post.settings.log_format)
            raise_descriptor_limit()
            asyncio.run(self._serve(name, number, own_settings(post, number, ray.util.get_node_ip_address()), post))
        except BaseException:
            log.exception("media server %s failed", name)
            logging.shutdown()
            # Ray starts it anew, which it does when the process ends.
            os._exit(1)

    async def _serve(self, name: str, number: int, settings: Settings, post: Post) -> None:
        be_prompt()
        self._loop = asyncio.get_running_loop()
        clients: dict[str, Any] = {}
        if post.engines:
            engine, observer = (place_of(kind, number, post.models_key) for kind in ("engine", "observer"))
            clients["engine"] = EngineClient(settings.device, settings.max_faces, place=engine)
            clients["observer"] = ObserverClient(settings.speech, settings.language, place=observer)
        app: Any = create_app(settings, keeper=RayKeeper(), **clients)
        context: Context = app.state.context
        if settings.proxies:
            app = ProxyHeadersMiddleware(app, list(settings.proxies))
        # The front door may have as many connections as there are: they are everybody's.
        doors = settings.model_copy(update={"proxies": (*settings.proxies, post.door)})
        app = FromDoor(app, post.key, direct=True)
        served = config(settings, app, Connections(doors), proxy_headers=False)
        self._server = Telling(served, context, name)
        await self._server.serve()


def own_settings(post: Post, number: int, host: str) -> Settings:
    """Return the settings of one media server: any TCP port of its machine, and its share of the UDP ports.

    Args:
        post: what all are told.
        number: of the server, 0 and up.
        host: address of its machine.
    """
    changes: dict[str, Any] = {"host": host, "port": 0, "drain": 0.0}
    if (ports := post.settings.udp_port_range) is not None:
        each = len(ports) // post.most
        first = ports[0] + number * each
        changes["udp_ports"] = f"{first}-{first + each - 1}"
    if post.settings.allowed_hosts:
        changes["allowed_hosts"] = (*post.settings.allowed_hosts, host)
    return post.settings.model_copy(update=changes)
