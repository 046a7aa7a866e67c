"""Metrics that go nowhere, and metrics that go to a statsd server."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from statsd import StatsClient

from fpservice.config_options import StatsdOptions

_log = logging.getLogger(__name__)
_LONGEST_LABEL = 64


class NullMetrics:
    """Counts nothing."""

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Do nothing."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Do nothing."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Do nothing."""

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Run the block."""
        return nullcontext()


class StatsdMetrics:
    """Sends each value in a datagram of its own, as it comes; what is lost is lost.

    Statsd knows no labels: their values are appended to the name, in the order of the labels'
    names, so that ``count("requests", status="200", endpoint="lookup")`` counts
    ``<prefix>.requests.lookup.200``. Durations are sent in milliseconds.
    """

    def __init__(self, host: str, port: int, prefix: str) -> None:
        """Look the host up, once; if there is none, say so in the log and send nothing."""
        self._client = _connected(host, port, prefix)

    @classmethod
    def from_options(cls, options: StatsdOptions) -> StatsdMetrics:
        """Return metrics for the configured server; ``options.host`` must be set."""
        assert options.host is not None
        return cls(options.host, options.port, options.prefix)

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        if self._client is not None:
            self._client.incr(_full_name(name, labels), value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        if self._client is not None:
            self._client.gauge(_full_name(name, labels), value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        if self._client is not None:
            self._client.timing(_full_name(name, labels), seconds * 1000)

    @contextmanager
    def timed(self, name: str, **labels: str) -> Iterator[None]:
        """Record how long a block takes, also one that raises."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.observe(name, time.perf_counter() - start, **labels)

    def close(self) -> None:
        """Let go of the socket; what comes after it goes nowhere."""
        client, self._client = self._client, None
        if client is not None:
            client.close()


def _connected(host: str, port: int, prefix: str) -> StatsClient | None:
    try:
        return StatsClient(host, port, prefix or None, ipv6=":" in host)
    except (OSError, UnicodeError) as error:
        _log.warning("no metrics are sent: statsd host %s is not found: %s", host, error)
        return None


def _full_name(name: str, labels: dict[str, str]) -> str:
    if not labels:
        return name
    return ".".join([name, *(_part(labels[label]) for label in sorted(labels))])


def _part(value: str) -> str:
    # A dot would be a level of the name, a colon or line break the end of it.
    return re.sub(r"[^A-Za-z0-9_-]", "_", value[:_LONGEST_LABEL])
