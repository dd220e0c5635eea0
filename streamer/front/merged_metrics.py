"""The metrics of several servers as one text: each family once, each sample with the name of its server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

LABEL = "server"


def merged(texts: Mapping[str, str], own: str = "") -> bytes:
    """Put texts together.

    Args:
        texts: of each server, by its name.
        own: of the front door, which is no server; gets no label.

    Returns:
        Prometheus text.
    """
    registry = CollectorRegistry()
    registry.register(_Families(texts, own))
    return generate_latest(registry)


class _Families(Collector):
    def __init__(self, texts: Mapping[str, str], own: str) -> None:
        self._texts, self._own = texts, own

    def describe(self) -> list[Metric]:
        """Say nothing beforehand."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield each family with the samples of all servers."""
        families: dict[str, Metric] = {}
        for server, text in self._texts.items():
            for family in text_string_to_metric_families(text):
                whole = families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
                whole.samples += [sample._replace(labels={LABEL: server} | sample.labels) for sample in family.samples]
        for family in text_string_to_metric_families(self._own):
            families.setdefault(family.name, family)
        yield from families.values()
