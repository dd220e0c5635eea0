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
        most: there are at the most, but for those that take the place of one on its way out.
        hire: starts one, or takes the one that there is, given its name and the machines where it is not to be.
    """

    def __init__(self, prefix: str, most: int, hire: Callable[[str, set[str]], Worker]) -> None:
        self._prefix, self._most, self._hire = prefix, most, hire
        self._workers: dict[str, Worker] = {}
        self._spots: dict[str, Spot] = {}
        self._going: set[str] = set()
        self._ending: set[asyncio.Task[None]] = set()

    def find(self, number: int) -> Spot | None:
        """Return where the media server of this number has its models; None while none are up."""
        ready = [spot for name, spot in sorted(self._spots.items()) if spot.ready and name not in self._going]
        return ready[number % len(ready)] if ready else None

    def on(self, node: str) -> int:
        """Return how many are on a machine."""
        return sum(spot.node == node for spot in self._spots.values())

    def renew(self) -> None:
        """Put a new one in the place of each."""
        self._going |= self._workers.keys()

    @property
    def renewing(self) -> int:
        """How many are on their way out."""
        return len(self._going)

    def adopt(self, names: Iterable[str]) -> None:
        """Take those that were started before, by their names, of which others are ignored."""
        for name in names:
            if name.startswith(self._prefix):
                self._workers[name] = self._hire(name, set())

    async def look(self, servers: int, closed_nodes: set[str]) -> None:
        """See how they are, and start or end one if that is due.

        Args:
            servers: media servers that there are to be; each has use for one at the most.
            closed_nodes: machines on which there is to be nothing.
        """
        await asyncio.gather(*map(self._ask, list(self._workers)))
        self._going |= {name for name, spot in self._spots.items() if spot.node in closed_nodes}
        wanted, staying = min(self._most, servers), self._workers.keys() - self._going
        if len(staying) < wanted:
            number = next(n for n in range(len(self._workers) + 1) if f"{self._prefix}{n}" not in self._workers)
            log.info("%s%d is started", self._prefix, number)
            self._workers[f"{self._prefix}{number}"] = self._hire(f"{self._prefix}{number}", closed_nodes)
        elif not all(name in self._spots and self._spots[name].ready for name in staying):
            return  # some are just starting
        elif self._going:
            # Others are up in its place.
            self._end(min(self._going))
        elif len(staying) > wanted:
            self._end(max(staying))

    async def close(self) -> None:
        """End all."""
        for name in list(self._workers):
            self._end(name)
        await asyncio.gather(*self._ending, return_exceptions=True)

    async def _ask(self, name: str) -> None:
        try:
            self._spots[name] = await self._workers[name].spot()
        except ConnectionError as error:
            if self._spots.pop(name, None) is not None:
                log.warning("%s does not answer: %s", name, error)

    def _end(self, name: str) -> None:
        worker = self._workers.pop(name)
        self._spots.pop(name, None)
        self._going.discard(name)
        log.info("%s is ended", name)
        task = asyncio.get_running_loop().create_task(worker.end(), name=f"ending {name}")
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
