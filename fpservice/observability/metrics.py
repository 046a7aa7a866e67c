"""Metrics that go nowhere, to a statsd server, and to several places."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import Final

from statsd import StatsClient

from fpservice.config_options import StatsdOptions
from fpservice.interfaces import Metrics

_log = logging.getLogger(__name__)
_LONGEST_LABEL = 64
# One for all blocks: those that nobody times are many.
_NOT_TIMED: Final = nullcontext()


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
        return _NOT_TIMED


class _Timer:
    """Times one block, for metrics that have no quicker way."""

    __slots__ = ("_labels", "_metrics", "_name", "_started")

    def __init__(self, metrics: Metrics, name: str, labels: dict[str, str]) -> None:
        self._metrics = metrics
        self._name = name
        self._labels = labels

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        seconds = time.perf_counter() - self._started
        self._metrics.observe(self._name, seconds, **self._labels)


class SeveralMetrics:
    """Counts in several places."""

    def __init__(self, places: Sequence[Metrics]) -> None:
        """Count in each of these."""
        self._places = tuple(places)

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        for place in self._places:
            place.count(name, value, **labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        for place in self._places:
            place.gauge(name, value, **labels)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        for place in self._places:
            place.observe(name, seconds, **labels)

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Record how long a block takes, also one that raises."""
        return _Timer(self, name, labels)


class RenamedMetrics:
    """Counts names that begin with one word under another, for a second use of the same code."""

    def __init__(self, metrics: Metrics, prefix: str, replacement: str) -> None:
        """Count ``prefix…`` as ``replacement…`` in ``metrics``."""
        self._metrics = metrics
        self._prefix = prefix
        self._replacement = replacement

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        self._metrics.count(self._renamed(name), value, **labels)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._metrics.gauge(self._renamed(name), value, **labels)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        self._metrics.observe(self._renamed(name), seconds, **labels)

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Record how long a block takes, also one that raises."""
        return self._metrics.timed(self._renamed(name), **labels)

    def _renamed(self, name: str) -> str:
        if name.startswith(self._prefix):
            return self._replacement + name[len(self._prefix) :]
        return name


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

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Record how long a block takes, also one that raises."""
        return _Timer(self, name, labels)

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
