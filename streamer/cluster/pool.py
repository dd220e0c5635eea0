"""Models of one kind that all media servers use: as many as are wanted, and which of them a media server has."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

log = logging.getLogger("earshot.cluster")


@dataclass(frozen=True)
class Spot:
    """Where models of one kind are.

    Attributes:
        host: and `port`, of their hub.
        ready: whether they are loaded.
        node: Ray's id of the machine.
        pid: of the process of the models; None while there is none.
        servers: that are connected.
    """

    host: str
    port: int
    ready: bool
    node: str
    pid: int | None = None
    servers: int = 0


class Worker(Protocol):
    """One of them."""

    async def spot(self) -> Spot:
        """Ask where it is.

        Raises:
            ConnectionError: it does not answer.
        """

    async def end(self) -> None:
        """End it."""


class Pool:
    """Those of one kind.

    Args:
        prefix: of their names.
        most: there are at the most, but for one that takes the place of another on its way out.
        hire: starts one, or takes the one that there is, given its name and the machines where it is not to be.
    """

    def __init__(self, prefix: str, most: int, hire: Callable[[str, set[str]], Worker]) -> None:
        self._prefix, self._most, self._hire = prefix, most, hire
        self._workers: dict[str, Worker] = {}
        self._spots: dict[str, Spot] = {}
        self._renewing: list[str] = []
        self._ending: dict[str, asyncio.Task[None]] = {}

    def find(self, number: int) -> Spot | None:
        """Return where the media server of this number has its models; None while none are up."""
        ready = {name: spot for name, spot in sorted(self._spots.items()) if spot.ready}
        stay = [spot for name, spot in ready.items() if name not in self._renewing] or list(ready.values())
        return stay[number % len(stay)] if stay else None

    def on(self, node: str) -> int:
        """Return how many are on a machine."""
        return sum(spot.node == node for spot in self._spots.values())

    def renew(self) -> None:
        """Put a new one in the place of each, one by one: models that load want most of a machine."""
        self._renewing = sorted(self._workers)

    @property
    def renewing(self) -> int:
        """How many are still to be renewed."""
        return len(self._renewing)

    def adopt(self, names: Iterable[str]) -> None:
        """Take those that were started before, by their names, of which others are ignored."""
        for name in names:
            if name.startswith(self._prefix):
                self._workers[name] = self._hire(name, set())

    async def look(self, servers: int, closed_nodes: set[str], busy: bool = False) -> None:
        """See how they are, and start or end one if that is due.

        Args:
            servers: media servers that there are to be; each has use for one at the most.
            closed_nodes: machines on which there is to be nothing.
            busy: whether something else is being renewed, for which these wait.
        """
        await asyncio.gather(*map(self._ask, list(self._workers)))
        leaving = [name for name, spot in sorted(self._spots.items()) if spot.node in closed_nodes]
        leaving += [] if busy else self._renewing
        going = leaving[:1]
        wanted, staying = min(self._most, servers), self._workers.keys() - set(going)
        if len(staying) < wanted:
            # One that is being ended still has its name.
            taken = self._workers.keys() | self._ending.keys()
            name = next(name for n in range(len(taken) + 1) if (name := f"{self._prefix}{n}") not in taken)
            log.info("%s is started", name)
            self._workers[name] = self._hire(name, closed_nodes)
        elif not all(name in self._spots and self._spots[name].ready for name in staying - set(leaving)):
            return  # some are just starting
        elif going:
            # Another one is up in its place.
            self._end(going[0])
        elif len(staying) > wanted:
            self._end(max(staying))

    async def close(self) -> None:
        """End all."""
        for name in list(self._workers):
            self._end(name)
        await asyncio.gather(*self._ending.values(), return_exceptions=True)

    async def _ask(self, name: str) -> None:
        try:
            self._spots[name] = await self._workers[name].spot()
        except ConnectionError as error:
            if self._spots.pop(name, None) is not None:
                log.warning("%s does not answer: %s", name, error)

    def _end(self, name: str) -> None:
        worker = self._workers.pop(name)
        self._spots.pop(name, None)
        self._renewing = [other for other in self._renewing if other != name]
        log.info("%s is ended", name)
        task = asyncio.get_running_loop().create_task(worker.end(), name=f"ending {name}")
        self._ending[name] = task
        task.add_done_callback(lambda _: self._ending.pop(name))
