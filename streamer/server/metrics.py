"""Prometheus metrics, read from the running parts when they are asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from streamer.engine.client import EngineClient
from streamer.observer.client import ObserverClient
from streamer.rooms.participant import Participant
from streamer.rooms.room import Room
from streamer.rooms.rooms import Rooms
from streamer.server.connections import Connections
from streamer.server.readiness import Readiness
from streamer.stages import STAGES

PREFIX = "earshot_"
"""Of every metric's name."""


class Metrics:
    """The metrics of one application.

    Args:
        rooms: counted at each scrape.
        engine: asked at each scrape.
        observer: likewise.
        connections: likewise.
        readiness: likewise.
    """

    def __init__(
        self,
        rooms: Rooms,
        engine: EngineClient,
        observer: ObserverClient,
        connections: Connections,
        readiness: Readiness,
    ) -> None:
        self.registry = CollectorRegistry()
        self._answers = Counter(
            PREFIX + "http_answers",
            "HTTP answers by method and status.",
            ("method", "status"),
            registry=self.registry,
        )
        self.registry.register(_Live(rooms, engine, observer, connections, readiness))

    def count_answer(self, method: str, status: int) -> None:
        """Count an HTTP answer; methods beyond the usual are one."""
        known = method if method in ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT") else "other"
        self._answers.labels(known, str(status)).inc()

    def text(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self.registry)


class _Live(Collector):
    def __init__(
        self,
        rooms: Rooms,
        engine: EngineClient,
        observer: ObserverClient,
        connections: Connections,
        readiness: Readiness,
    ) -> None:
        self._readiness = readiness
        self._rooms = rooms
        self._engine = engine
        self._observer = observer
        self._connections = connections

    def collect(self) -> Iterator[Metric]:
        """Read all gauges and counters."""
        rooms = self._rooms.all()
        people = [participant for room in rooms for participant in room.participants.values()]
        yield gauge("rooms", "Rooms there are.", len(rooms))
        yield gauge("participants", "Participants in all rooms.", len(people))
        yield gauge("publishers", "Participants whose sound or picture is received.", connected(rooms, "publisher"))
        yield gauge("watchers", "Participants who are sent the others.", connected(rooms, "watcher"))
        yield gauge("control_connections", "Open control sockets.", sum(p.outbox is not None for p in people))
        yield gauge(
            "ready", "1 while calls are served as meant, but for the disk.", float(not self._readiness.reasons())
        )
        yield gauge("draining", "1 while nobody is taken in any more.", float(self._rooms.stopping))
        yield gauge("loop_lag_seconds", "Seconds by which the event loop comes too late.", self._readiness.lag)
        yield gauge("late_share", "Share of blocks whose voices were late in the last 10 s.", self._readiness.late)
        yield gauge("engine_ready", "1 while the models are up.", float(self._engine.ready))
        yield gauge("observer_ready", "1 while the models that look and listen are up.", float(self._observer.ready))
        yield gauge("connections_open", "Connections over HTTP, control sockets included.", self._connections.count)
        for name in ("refused", "expired"):
            text = f"Connections over HTTP: {name}."
            yield counter(f"connections_{name}", text, getattr(self._connections, name))
        peers = self._rooms.peers
        yield gauge("peers_open", "Peer connections not closed yet.", peers.open)
        for name in ("opened", "abandoned", "refused", "close_failures", "oversized", "vanished", "datagrams_refused"):
            yield counter(f"peers_{name}", f"Peer connections: {name}.", getattr(peers, name))
        for process, statistics in (("engine", self._engine.statistics), ("observer", self._observer.statistics)):
            for name, value in dataclasses.asdict(statistics).items():
                if isinstance(value, int | float):
                    yield counter(f"{process}_{name}", f"Process of the {process}: {name}.", value)
        if self._rooms.keeping is not None:
            for name, value in dataclasses.asdict(self._rooms.keeping.statistics).items():
                yield counter(f"keep_{name}", f"Rooms in their second place: {name}.", value)
        yield from media(rooms)
        yield from delays(rooms, people)
        yield from STAGES.collect()


def media(rooms: list[Room]) -> Iterator[Metric]:
    """Sum what running media sessions count; the sums fall when a session ends, so they are gauges.

    Args:
        rooms: all rooms.

    Yields:
        One gauge a count.
    """
    sums: dict[str, float] = {}
    for room in rooms:
        for name, value in dataclasses.asdict(room.desk.statistics()).items():
            sums[f"listen_{name}"] = sums.get(f"listen_{name}", 0.0) + value
        for participant in room.participants.values():
            counts: dict[str, object] = {}
            if participant.publisher is not None:
                for part, statistics in (
                    ("ingest", participant.publisher.ingest.statistics()),
                    ("relay", participant.publisher.source.statistics()),
                ):
                    counts |= {f"{part}_{name}": value for name, value in dataclasses.asdict(statistics).items()}
            if participant.agent is not None:
                agent = participant.agent.statistics
                counts |= {f"agent_{name}": getattr(agent, name) for name in ("blocks", "separated", "late")}
            if participant.outbox is not None:
                control = participant.outbox.statistics()
                counts |= {"control_messages_replaced": control.replaced, "control_messages_dropped": control.dropped}
            for name, value in counts.items():
                if isinstance(value, int | float):
                    sums[name] = sums.get(name, 0.0) + value
    for name, total in sorted(sums.items()):
        yield gauge(name, f"Sum over running sessions: {name.replace('_', ' ')}.", total)


def delays(rooms: list[Room], people: list[Participant]) -> Iterator[Metric]:
    """Yield the delays of sound within the server over the last minute, as quantiles.

    Args:
        rooms: all rooms.
        people: all participants.

    Yields:
        From receiving a block to having its voices, and to sending it.
    """
    parts = {
        "voices": [d for p in people if p.agent is not None for d in p.agent.statistics.delays],
        "sent": [d for room in rooms for d in room.desk.delays],
    }
    for part, values in parts.items():
        text = f"Seconds from receiving a block to its being {part}, over the last minute."
        family = GaugeMetricFamily(f"{PREFIX}delay_{part}_seconds", text, labels=["quantile"])
        for quantile in (0.5, 0.95, 0.99):
            if values:
                family.add_metric([str(quantile)], float(np.quantile(values, quantile)))
        yield family


def connected(rooms: list[Room], part: str) -> int:
    """Count the participants whose `publisher` or `watcher` is connected."""
    sessions = [getattr(participant, part) for room in rooms for participant in room.participants.values()]
    return sum(session is not None and session.connected for session in sessions)


def gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    """Make a gauge with one value."""
    return GaugeMetricFamily(PREFIX + name, text, value)


def counter(name: str, text: str, value: float) -> CounterMetricFamily:
    """Make a counter with one value."""
    return CounterMetricFamily(PREFIX + name, text, value)
