"""What Prometheus is told."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from fpservice.observability.metric_table import BOUNDS, FAMILIES, PREFIX, Family, Kind
from fpservice.observability.metrics_directory import Totals, Values

_Told = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily


class _TotalsCollector(Collector):
    def __init__(self, totals: Totals) -> None:
        self._totals = totals

    def collect(self) -> Iterator[_Told]:
        values, processes = self._totals.values()
        for family in FAMILIES.values():
            yield _told(family, values)
        yield GaugeMetricFamily(f"{PREFIX}processes", "Processes that count.", value=processes)


def exposition(totals: Totals) -> bytes:
    """Return all metrics in the text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_TotalsCollector(totals))
    return generate_latest(registry)


def _told(family: Family, values: Values) -> _Told:
    told = _empty(family)
    # A counter that is there from the beginning shows its first event as a rise.
    if family.kind is Kind.COUNTER and not family.labels:
        values.setdefault((family.name, ()), [0.0])
    for (name, labels), numbers in values.items():
        if name != family.name:
            continue
        if isinstance(told, HistogramMetricFamily):
            told.add_metric(labels, _buckets(numbers[1:]), numbers[0])
        else:
            told.add_metric(labels, numbers[0])
    return told


def _empty(family: Family) -> _Told:
    if family.kind is Kind.COUNTER:
        return CounterMetricFamily(family.full_name, family.help, labels=family.labels)
    if family.kind is Kind.HISTOGRAM:
        return HistogramMetricFamily(family.full_name, family.help, labels=family.labels)
    return GaugeMetricFamily(family.full_name, family.help, labels=family.labels)


def _buckets(numbers: list[float]) -> list[tuple[str, float]]:
    """Return how many there are up to each bound."""
    bounds = [*map(repr, BOUNDS), "+Inf"]
    return list(zip(bounds, accumulate(numbers), strict=True))
