"""The cluster's manager, a Ray actor: knows who has a room, and has as many media servers as are wanted.

It may end at any time: Ray starts it again, it finds the media servers by their names, and they tell it of themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from typing import Any

import ray

from streamer.cluster.media_server import MediaServer, Post
from streamer.cluster.models import pools
from streamer.cluster.names import NAMESPACE, SERVER
from streamer.cluster.pool import Spot
from streamer.cluster.registry import Registry, Said
from streamer.cluster.scaling import Scaling, first_to_go
from streamer.front.placement import Member
from streamer.logs import configure_logging

LOOK_SECONDS = 0.5
"""Time between two looks at how things are."""

STOP_SECONDS = 8.0
"""Time that a media server has to close what it has."""

log = logging.getLogger("earshot.cluster")


class Manager:
    """The actor.

    Args:
        post: what media servers are told.
        least: media servers there are always.
        most: and at the most, but for those that take the place of one on its way out.
    """

    def __init__(self, post: Post, least: int, most: int) -> None:
        configure_logging(post.settings.log_level, post.settings.log_format)
        self._post = post
        self._registry = Registry()
        self._scaling = Scaling(least, most)
        self._pools = pools(post.settings, post.models_key, post.engines, post.gpus)
        self._servers: dict[str, Any] = {}
        self._watching: dict[str, asyncio.Task[None]] = {}
        self._closed_nodes: set[str] = set()
        self._renewing: list[str] = []
        self._looking: asyncio.Task[None] | None = None
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._wanted = least

    # What the front door asks.

    async def room(self, room: str) -> Member | None:
        """Return the server that has a room, or is to have it; None without any."""
        self._awake()
        return self._member(self._registry.placement.of(room))

    async def any(self) -> Member | None:
        """Return a server for what belongs to no room; None without any."""
        self._awake()
        return self._member(self._registry.placement.any())

    async def new_room(self) -> str:
        """Draw the id of a new room."""
        return self._registry.placement.new_room()

    async def members(self) -> Mapping[str, Member]:
        """Return all servers by name."""
        self._awake()
        return dict(self._registry.placement.members)

    # What media servers and machines say.

    async def models(self, kind: str, number: int) -> Spot | None:
        """Return where a media server has its engine, or its observer; None while there is none."""
        self._awake()
        return self._pools[kind].find(number) if kind in self._pools else None

    async def tell(self, name: str, said: Said) -> list[str]:
        """Take in what a server says; returns its rooms that are at others, or are to be."""
        self._awake()
        if name not in self._servers:
            return []
        return self._registry.tell(name, said)

    async def drain(self, node: str) -> None:
        """Have nothing on a machine any more."""
        self._closed_nodes.add(node)

    async def on(self, node: str) -> int:
        """Return how many media servers, engines and observers are on a machine."""
        return len(self._registry.on(node)) + sum(pool.on(node) for pool in self._pools.values())

    async def renew(self) -> None:
        """Put a new media server in the place of each, one by one, then new models in the place of those all use."""
        self._renewing = list(self._registry.staying)
        for pool in self._pools.values():
            pool.renew()

    async def renewing(self) -> int:
        """Return how many are still to be renewed, or on their way out."""
        models = sum(pool.renewing for pool in self._pools.values())
        return len(self._renewing) + len(self._registry.leaving) + models

    async def close(self) -> None:
        """End all media servers, and their models."""
        if self._looking is not None:
            self._looking.cancel()
        await asyncio.gather(*map(self._end, list(self._servers)))
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    def _awake(self) -> None:
        if self._looking is None:
            self._looking = asyncio.get_running_loop().create_task(self._look_on(), name="looking")

    def _member(self, name: str | None) -> Member | None:
        return None if name is None else self._registry.placement.members[name]

    async def _look_on(self) -> None:
        names = await asyncio.to_thread(ray.util.list_named_actors)
        for pool in self._pools.values():
            pool.adopt(names)
        for name in names:
            if name.startswith(SERVER):
                with contextlib.suppress(ValueError):
                    self._take(name, await asyncio.to_thread(ray.get_actor, name, NAMESPACE))
        self._wanted = max(self._wanted, len(self._servers))
        while True:
            try:
                await self._look()
                busy = bool(self._renewing or self._registry.leaving)
                for pool in self._pools.values():
                    await pool.look(self._wanted, self._closed_nodes, busy)
                    busy = busy or pool.renewing > 0
            except Exception:
                log.exception("a look at the cluster failed")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        registry = self._registry
        for name in registry.silent():
            log.error("media server %s says nothing any more: it is ended, and started anew", name)
            registry.lose(name)
            if name in self._servers:
                ray.kill(self._servers[name], no_restart=False)
        for name in registry.left():
            self._let_go(name)
        here = {name for name in self._servers if name not in registry.leaving}
        going = [name for name in here if name in registry.said and registry.said[name].node in self._closed_nodes]
        going = going or [name for name in self._renewing[:1] if name in here]
        known = registry.staying
        settled = known.keys() >= here
        if settled and not going:
            self._wanted = self._scaling.wanted(known, time.monotonic())
        if len(here) < self._wanted + len(going):
            self._start()
        elif not settled:
            return  # some are just starting
        elif going and all(registry.said[name].member.ready for name in here):
            # In its place there is one already, which serves.
            log.info("media server %s is on its way out", going[0])
            registry.leave(going[0])
            self._renewing = [name for name in self._renewing if name != going[0]]
        elif len(here) > self._wanted and not going:
            registry.leave(first_to_go(known))

    def _start(self) -> None:
        """Start one more, wherever Ray finds a place."""
        # One that is being ended still has its name.
        taken = self._servers.keys() | self._ending.keys()
        number = next(number for number in range(len(taken) + 1) if f"{SERVER}{number}" not in taken)
        name = f"{SERVER}{number}"
        # Where all use the same engines these have the GPUs, and most of the work.
        share = {"num_cpus": 0.5, "num_gpus": 0} if self._post.engines else {"num_cpus": 1, "num_gpus": self._post.gpus}
        options: dict[str, Any] = share | {"scheduling_strategy": "SPREAD"}
        if self._closed_nodes:
            options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(self._closed_nodes))})"}
        actor = ray.remote(MediaServer).options(
            **options,
            **{"name": name, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True},
            max_restarts=-1,
        )
        log.info("media server %s is started", name)
        self._take(name, actor.remote(name, number % self._post.most, self._post))

    def _take(self, name: str, server: Any) -> None:
        self._servers[name] = server
        self._watching[name] = asyncio.get_running_loop().create_task(self._watch(name), name=f"watching {name}")

    async def _watch(self, name: str) -> None:
        """Forget what a server has as soon as Ray says that its process has ended."""
        while name in self._servers:
            try:
                await self._servers[name].ended.remote()
                return
            except ray.exceptions.RayError as error:
                log.warning("media server %s is lost: %s", name, type(error).__name__)
                self._registry.lose(name)
            await asyncio.sleep(LOOK_SECONDS)

    def _let_go(self, name: str) -> None:
        task = asyncio.get_running_loop().create_task(self._end(name), name=f"ending {name}")
        self._ending[name] = task
        task.add_done_callback(lambda _: self._ending.pop(name))

    async def _end(self, name: str) -> None:
        server = self._servers.pop(name, None)
        self._registry.end(name)
        if server is None:
            return
        with contextlib.suppress(TimeoutError, ray.exceptions.RayError):
            async with asyncio.timeout(STOP_SECONDS):
                await server.stop.remote()
                await server.ended.remote()
        ray.kill(server, no_restart=True)
        self._watching.pop(name).cancel()
        log.info("media server %s has ended", name)
