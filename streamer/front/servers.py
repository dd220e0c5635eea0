"""The media servers of this machine: processes that are started, watched, started anew, and let come to their end."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
from collections.abc import AsyncIterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer import clock
from streamer.errors import UserError
from streamer.front.placement import Member, Placement
from streamer.settings import Settings
from streamer.workers.framing import Message
from streamer.workers.process import ModelProcess

HOST = "127.0.0.1"
"""Where their signalling is: the front door alone asks there."""

START_SECONDS = 30.0
"""For which the door stays shut until all of them are up; then it opens for those there are."""

CLOSE_SECONDS = 8.0
"""Time that a server gets to close its calls and models after its last call, or its time, has ended."""


@dataclass(frozen=True)
class Post:
    """What a media server is told when it starts.

    Attributes:
        settings: the machine's, with this server's share of the UDP ports.
        key: by which it knows the front door.
        origin: of the machine's time, so that tokens of all its servers are good for as long.
    """

    settings: Settings
    key: str
    origin: float


def shares(settings: Settings) -> list[Settings]:
    """Divide the UDP ports among the servers.

    Args:
        settings: with `servers`.

    Returns:
        The settings of each.

    Raises:
        UserError: there are fewer ports than servers.
    """
    count, ports = settings.servers, settings.udp_port_range
    if ports is None:
        return [settings] * count
    each = len(ports) // count
    if not each:
        raise UserError(f"udp_ports {settings.udp_ports} are too few for {count} servers")
    firsts = [ports[0] + number * each for number in range(count)]
    return [settings.model_copy(update={"udp_ports": f"{first}-{first + each - 1}"}) for first in firsts]


class Servers:
    """The processes, and what they say of themselves.

    Args:
        settings: of all of them.
        key: by which they know the front door.
        placement: is kept up to date.
        module: what is run.
    """

    def __init__(
        self, settings: Settings, key: str, placement: Placement, module: str = "streamer.commands.media_server"
    ) -> None:
        self._placement = placement
        self.processes: dict[str, ModelProcess] = {}
        for number, own in enumerate(shares(settings)):
            name = str(number)
            self.processes[name] = ModelProcess(
                module,
                (name,),
                lambda ready, name=name: self._changed(name, ready),  # type: ignore[misc]
                lambda message, name=name: self._said(name, message),  # type: ignore[misc]
                greeting={"post": pickle.dumps(Post(own, key, clock.origin()))},
            )

    @contextlib.asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Have them run for as long as the block, which waits for them, then let each close what it has."""
        for process in self.processes.values():
            process.start()
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_SECONDS):
                    while len(self._placement.members) < len(self.processes):  # noqa: ASYNC110 - a plain dictionary
                        await asyncio.sleep(0.05)
            yield
        finally:
            ending = [process.ended() for process in self.processes.values() if process.ready]
            self._tell("end")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await asyncio.gather(*ending)
            await asyncio.gather(*(process.close() for process in self.processes.values()))

    def _tell(self, what: str) -> None:
        for process in self.processes.values():
            process.again = False
            process.send({"type": what})

    def stop(self, seconds: float) -> None:
        """Have them take nobody in any more, and end when their calls have; they know the `seconds` for that."""
        self._tell("stop")

    @property
    def deserted(self) -> bool:
        """Whether none of them has calls any more."""
        return not any(process.ready for process in self.processes.values())

    def metrics(self) -> bytes:
        """Return what is counted here as Prometheus text."""
        registry = CollectorRegistry()
        registry.register(_Counts(self))
        return generate_latest(registry)

    def _changed(self, name: str, ready: bool) -> None:
        if not ready:
            self._placement.remove(name)

    def _said(self, name: str, message: Message) -> None:
        if message["type"] == "state":
            rooms = frozenset(message["rooms"])
            member = Member(HOST, message["port"], rooms, message["ready"], message["draining"])
            self._placement.update(name, member)


class _Counts(Collector):
    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    def collect(self) -> list[Metric]:
        """Return which servers are up, and how often each was started."""
        up = GaugeMetricFamily("earshot_server_up", "1 while the media server answers.", labels=["server"])
        starts = CounterMetricFamily("earshot_server_starts", "Starts of the media server.", labels=["server"])
        for name, process in self._servers.processes.items():
            up.add_metric([name], float(process.ready))
            starts.add_metric([name], process.starts)
        return [up, starts]
