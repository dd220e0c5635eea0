"""How long blocks of sound take through this process, stage by stage, as Prometheus histograms.

One for the whole process, as its log is: what counts comes and goes with rooms and participants, the counts must not.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Counter, Histogram
from prometheus_client.core import Metric

RECEIVED, SEPARATED, MIXED, SENT = "received", "separated", "mixed", "sent"
"""Handed on by the jitter buffer; back from the engine with its voices; in a listener's mix; encoded and sent."""

LIMITS = (0.005, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
"""Upper ends of the histograms, seconds: blocks last 0.02, and are late after 0.08."""


class Stages:
    """The histograms, and how many blocks there were and were late."""

    def __init__(self) -> None:
        self._seconds = Histogram(
            "earshot_block_seconds",
            "Age of a block of sound at each stage: when received since it was captured, later since it was received.",
            ("stage",),
            buckets=LIMITS,
            registry=None,
        )
        self._at = {stage: self._seconds.labels(stage) for stage in (RECEIVED, SEPARATED, MIXED, SENT)}
        self._blocks = Counter("earshot_blocks", "Blocks of sound that went on, with voices or without.", registry=None)
        self._late = Counter("earshot_blocks_late", "Blocks whose voices were not there in time.", registry=None)
        self.blocks = self.late = 0

    def passed(self, stage: str, seconds: float) -> None:
        """Count a block at a stage; clocks that disagree make no block younger than nothing."""
        self._at[stage].observe(max(0.0, seconds))

    def went_on(self, late: bool) -> None:
        """Count a block that goes on to the listeners."""
        self.blocks += 1
        self._blocks.inc()
        if late:
            self.late += 1
            self._late.inc()

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        for part in (self._seconds, self._blocks, self._late):
            yield from part.collect()


STAGES = Stages()
"""Of this process."""
