"""Metrics that another process reads and tells Prometheus; see ``listener``."""

from __future__ import annotations

import logging
import os
import threading
import time
import weakref
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol

from fpservice.observability.metric_table import BOUNDS, SOURCES, Family, Kind
from fpservice.observability.value_file import ValueFile, ValueFileFullError

_log = logging.getLogger(__name__)
# Calls told apart at once; there are as many as routes times statuses, and some more.
_MAX_CELLS: Final = 2000
_WIDTHS: Final = {
    Kind.COUNTER: 1,
    # The sum, and how many there are in each bucket.
    Kind.HISTOGRAM: len(BOUNDS) + 2,
    # The value, and when it was set.
    Kind.LATEST: 2,
    Kind.GREATEST: 2,
}


class _Cell(Protocol):
    """Where the values of one series go."""

    def add(self, value: float) -> None:
        """Take in a value."""


class _Nowhere:
    """Takes in what there is no room for."""

    def add(self, value: float) -> None:
        """Do nothing."""


class _Counter:
    __slots__ = ("_lock", "_numbers", "_place")

    def __init__(self, numbers: memoryview[float], place: int, lock: threading.Lock) -> None:
        self._numbers = numbers
        self._place = place
        self._lock = lock

    def add(self, value: float) -> None:
        with self._lock:
            self._numbers[self._place] += value


class _Histogram(_Counter):
    __slots__ = ()

    def add(self, value: float) -> None:
        bucket = self._place + 1 + bisect_left(BOUNDS, value)
        with self._lock:
            self._numbers[self._place] += value
            self._numbers[bucket] += 1


class _Gauge(_Counter):
    __slots__ = ()

    def add(self, value: float) -> None:
        with self._lock:
            self._numbers[self._place] = value
            self._numbers[self._place + 1] = time.time()


class _Timer:
    __slots__ = ("_cell", "_started")

    def __init__(self, cell: _Cell) -> None:
        self._cell = cell

    def __enter__(self) -> None:
        self._started = time.perf_counter()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._cell.add(time.perf_counter() - self._started)


_CELLS: Final = {
    Kind.COUNTER: _Counter,
    Kind.HISTOGRAM: _Histogram,
    Kind.LATEST: _Gauge,
    Kind.GREATEST: _Gauge,
}
_NOWHERE: Final = _Nowhere()
_Key = str | tuple[Sequence[str], ...]


class PrometheusMetrics:
    """Counts in a file of this process; a call costs less than a microsecond.

    What a name and labels stand for is found out once. A process that is forked off counts in a
    file of its own.
    """

    def __init__(self, directory: Path) -> None:
        """Count in a new file of this directory, made when there is something to count."""
        self._directory = directory
        self._cells: dict[_Key, _Cell] = {}
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        self._file: ValueFile | None = None
        self._complained = False
        reference = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _begin_anew(reference()))

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Add to a counter."""
        key = (name, *labels.items()) if labels else name
        (self._cells.get(key) or self._resolve(key, name, labels)).add(value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        key = (name, *labels.items()) if labels else name
        (self._cells.get(key) or self._resolve(key, name, labels)).add(value)

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""
        key = (name, *labels.items()) if labels else name
        (self._cells.get(key) or self._resolve(key, name, labels)).add(seconds)

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Record how long a block takes, also one that raises."""
        key = (name, *labels.items()) if labels else name
        return _Timer(self._cells.get(key) or self._resolve(key, name, labels))

    def begin_anew(self) -> None:
        """Leave the file to the process that this one was forked from."""
        self._cells = {}
        self._lock = threading.Lock()
        self._opening = threading.Lock()
        file, self._file = self._file, None
        if file is not None:
            file.leave()

    def _resolve(self, key: _Key, name: str, labels: dict[str, str]) -> _Cell:
        with self._opening:
            cell = self._cells.get(key)
            if cell is None:
                cell = self._new_cell(name, labels)
                if len(self._cells) < _MAX_CELLS:
                    self._cells[key] = cell
            return cell

    def _new_cell(self, name: str, labels: dict[str, str]) -> _Cell:
        source = SOURCES.get(name)
        given = {**source.given, **labels} if source else {}
        if source is None or given.keys() != set(source.family.labels):
            self._complain(f"there is no metric {name!r} with labels {sorted(labels)}")
            return _NOWHERE
        if len(self._cells) >= _MAX_CELLS:
            self._complain("there are too many series")
            return _NOWHERE
        return self._placed(source.family, tuple(given[label] for label in source.family.labels))

    def _placed(self, family: Family, values: tuple[str, ...]) -> _Cell:
        try:
            if self._file is None:
                self._file = ValueFile(self._directory)
            place = self._file.add((family.name, values), _WIDTHS[family.kind])
        except (OSError, ValueFileFullError) as error:
            self._complain(f"{type(error).__name__}: {error}")
            return _NOWHERE
        return _CELLS[family.kind](self._file.numbers, place, self._lock)

    def _complain(self, reason: str) -> None:
        if not self._complained:
            _log.warning("some metrics are not kept: %s", reason)
        self._complained = True


def _begin_anew(metrics: PrometheusMetrics | None) -> None:
    if metrics is not None:
        metrics.begin_anew()
