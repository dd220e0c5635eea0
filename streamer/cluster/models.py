"""Engines and observers that all media servers use, as Ray actors."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray

from streamer.cluster.names import MANAGER, MODELS, NAMESPACE
from streamer.cluster.pool import Pool, Spot
from streamer.engine import client as engine
from streamer.logs import configure_logging
from streamer.observer import client as observer
from streamer.observer.types import PATIENCE
from streamer.settings import Settings
from streamer.workers.hub import Hub
from streamer.workers.priority import be_prompt
from streamer.workers.remote import Place

ANSWER_SECONDS = 2.0
"""Time that an actor has to say where it is; after that it is taken for lost until it does."""

STOP_SECONDS = 8.0
"""Time that one has to close what it has."""


class Models:
    """The actor: its process has a hub, and the process of the models as its child.

    Args:
        kind: one of `KINDS`.
        settings: of the cluster.
        key: that media servers have to show.
    """

    def __init__(self, kind: str, settings: Settings, key: bytes) -> None:
        configure_logging(settings.log_level, settings.log_format)
        self._hub = KINDS[kind].hub(settings, key)
        self._host = ray.util.get_node_ip_address()
        self._listening: asyncio.Task[int] | None = None

    async def spot(self) -> Spot:
        """Say where it is; the first time it is started."""
        if self._listening is None:
            be_prompt()
            self._listening = asyncio.get_running_loop().create_task(self._hub.start(self._host), name="hub")
        hub, node = self._hub, str(ray.get_runtime_context().get_node_id())
        return Spot(self._host, await self._listening, hub.ready, node, hub.pid, hub.clients)

    async def close(self) -> None:
        """End it; who is connected finds another one."""
        await self._hub.close()

    async def pid(self) -> int:
        """Return the number of the actor's process."""
        return os.getpid()


@dataclass(frozen=True)
class Kind:
    """A kind of models.

    Attributes:
        hub: makes one, given the settings and the key.
        wanted: whether the settings ask for it.
        cpus: that one counts as.
        on_gpu: whether it has a share of a GPU where the models run on GPUs.
    """

    hub: Callable[[Settings, bytes], Hub]
    wanted: Callable[[Settings], bool]
    cpus: float
    on_gpu: bool


KINDS = {
    "engine": Kind(
        lambda settings, key: Hub(engine.WORKER, (settings.device, str(settings.max_faces)), key),
        lambda settings: settings.engine,
        1.0,
        True,
    ),
    # It takes what others leave.
    "observer": Kind(
        lambda settings, key: Hub(observer.WORKER, (settings.speech, settings.language), key, PATIENCE),
        lambda settings: settings.observer,
        0.0,
        False,
    ),
}


class Hired:
    """An actor, as a `Pool` knows it.

    Args:
        actor: its handle.
    """

    def __init__(self, actor: Any) -> None:
        self._actor = actor

    async def spot(self) -> Spot:
        """Ask where it is.

        Raises:
            ConnectionError: it does not answer.
        """
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                spot: Spot = await self._actor.spot.remote()
                return spot
        except (TimeoutError, ray.exceptions.RayError) as error:
            raise ConnectionError(type(error).__name__) from error

    async def end(self) -> None:
        """Let it close what it has, and end it."""
        with contextlib.suppress(TimeoutError, ray.exceptions.RayError):
            async with asyncio.timeout(STOP_SECONDS):
                await self._actor.close.remote()
        ray.kill(self._actor, no_restart=True)


def hire(kind: str, settings: Settings, key: bytes, gpus: float, name: str, closed_nodes: set[str]) -> Hired:
    """Have Ray start an actor wherever there is place for it, and again whenever it ends by itself.

    Args:
        kind: one of `KINDS`.
        settings: of the cluster.
        key: that media servers have to show.
        gpus: share of a GPU that it is given, if the kind runs on one.
        name: of the actor; one that there is already is taken.
        closed_nodes: machines on which there is to be nothing.
    """
    options: dict[str, Any] = {"num_cpus": KINDS[kind].cpus, "num_gpus": gpus if KINDS[kind].on_gpu else 0}
    options |= {"name": name, "namespace": NAMESPACE, "lifetime": "detached", "get_if_exists": True}
    if closed_nodes:
        options["label_selector"] = {"ray.io/node-id": f"!in({','.join(sorted(closed_nodes))})"}
    actor = ray.remote(Models).options(**options, scheduling_strategy="SPREAD", max_restarts=-1)
    return Hired(actor.remote(kind, settings, key))


def pools(settings: Settings, key: bytes, most: int, gpus: float) -> dict[str, Pool]:
    """Make a pool of each kind of models that the settings ask for.

    Args:
        settings: of the cluster.
        key: that media servers have to show.
        most: actors of each kind at the most; 0: no pools.
        gpus: see `hire`.
    """
    kinds = [name for name, kind in KINDS.items() if kind.wanted(settings) and most]
    return {kind: Pool(f"{MODELS}{kind}-", most, functools.partial(hire, kind, settings, key, gpus)) for kind in kinds}


def place_of(kind: str, server: int, key: bytes) -> Place:
    """Return where a media server has its models: the manager is asked, anew for each connection.

    Args:
        kind: one of `KINDS`.
        server: its number.
        key: that both have.
    """

    async def find() -> tuple[str, int]:
        try:
            manager = await asyncio.to_thread(ray.get_actor, MANAGER, NAMESPACE)
            spot: Spot | None = await manager.models.remote(kind, server)
        except (ValueError, ray.exceptions.RayError) as error:
            raise ConnectionError(f"the manager does not answer: {type(error).__name__}") from error
        if spot is None:
            raise ConnectionError("none is up")
        return spot.host, spot.port

    return Place(f"the cluster's {kind}", find, key)
