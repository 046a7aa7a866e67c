"""Metrics that a test can look at."""

from __future__ import annotations

from collections import Counter

from fpservice.observability.metrics import NullMetrics


class CountedMetrics(NullMetrics):
    """Remembers counts and the last value of each gauge, by name and values of the labels."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        self.counts[".".join([name, *labels.values()])] += value

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self.gauges[".".join([name, *labels.values()])] = value
