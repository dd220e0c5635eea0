"""The front door of a cluster: the manager and the keepers, which it starts, and HTTP before the media servers."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Any

import ray

from streamer.cluster.keeper import KeeperActor
from streamer.cluster.manager import Manager
from streamer.cluster.media_server import Post
from streamer.cluster.names import KEEPERS, MANAGER, NAMESPACE
from streamer.commands.serve import Server, config, run
from streamer.commands.serve_many import Minter
from streamer.front.door import Door, create_front
from streamer.front.passage import Passage
from streamer.front.placement import Member
from streamer.server.connections import Connections, raise_descriptor_limit
from streamer.settings import Settings

ASK_SECONDS = 2.0
"""Time that the manager has to answer; who asks meanwhile is told to try again."""

START_SECONDS = 60.0
"""For which the door stays shut until there are as many media servers as there are to be; then it opens in any case."""

CLOSE_SECONDS = 10.0


class ActorDirectory:
    """What the manager knows, as a `Directory`.

    Args:
        manager: the actor.
    """

    def __init__(self, manager: Any) -> None:
        self._manager = manager

    async def room(self, room: str) -> Member | None:
        """Return the server that has a room, or is to have it; None without any, or while the manager is away."""
        found: Member | None = await self._ask(None, "room", room)
        return found

    async def any(self) -> Member | None:
        """Return a server for what belongs to no room; None as above."""
        found: Member | None = await self._ask(None, "any")
        return found

    async def new_room(self) -> str:
        """Draw the id of a new room."""
        # An id drawn here falls to some server as well; only that it has the fewest rooms is not sure.
        return await self._ask(None, "new_room") or secrets.token_hex(5)

    async def members(self) -> Mapping[str, Member]:
        """Return all servers by name; none while the manager is away."""
        found: Mapping[str, Member] = await self._ask({}, "members")
        return found

    async def _ask(self, nothing: Any, method: str, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(ASK_SECONDS):
                return await getattr(self._manager, method).remote(*arguments)
        except (TimeoutError, ray.exceptions.RayError):
            return nothing


class Calls:
    """The media servers, as what the front door's process waits for at its end: it ends when it is told to."""

    deserted = True

    def stop(self, seconds: float) -> None:
        """Do nothing: what ends them is the end of the front door."""


def open_front(settings: Settings, least: int, most: int, door: str, gpus: float, demo: bool, engines: int = 0) -> int:
    """Have media servers, and serve before them, until SIGINT or SIGTERM; Ray is connected to.

    Args:
        settings: of the cluster, with a token key or secret.
        least: media servers there are always.
        most: and at the most.
        door: address of this machine, as the others know it.
        gpus: share of a GPU for each engine.
        demo: bring two talking portraits into a room.
        engines: engines, and as many observers, that all media servers use, at the most; 0: each has its own.

    Returns:
        Exit code: 0, or 1 if the front door could not open.
    """
    raise_descriptor_limit()
    post = Post(settings, secrets.token_urlsafe(32), door, most, gpus, engines)
    kept: dict[str, Any] = {"namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True, "max_restarts": -1}
    for name, other in zip(KEEPERS, reversed(KEEPERS), strict=True):
        ray.remote(KeeperActor).options(name=name, num_cpus=0, scheduling_strategy="SPREAD", **kept).remote(other)
    # Beside Ray's store: without either of them there is no cluster.
    options = kept | {"name": MANAGER, "num_cpus": 0, "resources": {"node:__internal_head__": 0.001}}
    manager = ray.remote(Manager).options(**options).remote(post, least, most)
    directory = ActorDirectory(manager)

    @contextlib.asynccontextmanager
    async def running() -> AsyncIterator[None]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while len(await directory.members()) < least:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
        try:
            yield
        finally:
            with contextlib.suppress(TimeoutError, ray.exceptions.RayError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await manager.close.remote()

    app = create_front(Door(settings, directory, post.key, tls=trust(settings)), running)
    # What a proxy before the door tells of clients is read by the media servers.
    served = config(settings, app, Connections(settings), ws=Passage, proxy_headers=False)
    server = Server(served, Calls(), 0.0)
    return asyncio.run(run(server, settings, Minter(settings), lambda: secrets.token_hex(5), demo))


def trust(settings: Settings) -> ssl.SSLContext | None:
    """Return how the front door knows the media servers: by the certificate that all have; None without TLS."""
    if settings.tls_cert is None:
        return None
    context = ssl.create_default_context(cafile=settings.tls_cert)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
