"""A metadata provider that can be relied on: it answers or fails, in time."""

from __future__ import annotations

import logging
import math
import queue
import threading
import time
import uuid
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.recording import Recording, RecordingParts
from fpservice.interfaces import MetadataProvider, Metrics
from fpservice.providers.circuit_breaker import CircuitBreaker

_log = logging.getLogger(__name__)
_MAX_CALLS: Final = 16
_T = TypeVar("_T")


class GuardedProvider:
    """Waits for another provider no longer than allowed, and skips it while it is broken.

    Every call runs in a thread of its own: no setting of a driver ends a call to a server that
    was stopped in the middle of its answer. A process has 16 such threads at most.
    """

    def __init__(
        self,
        name: str,
        provider: MetadataProvider,
        metrics: Metrics,
        time_limit: float,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        """Count calls under ``name``; give up after ``time_limit`` seconds."""
        self._name = name
        self._provider = provider
        self._metrics = metrics
        self._time_limit = time_limit
        self._breaker = breaker or CircuitBreaker()
        self._slots = threading.BoundedSemaphore(_MAX_CALLS)
        self._open: bool | None = None

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        """Return what the provider knows.

        Raises:
            MetadataUnavailableError: it failed, was too slow, or is being skipped.
        """
        if not mbids:
            return {}
        return self._call(lambda limit: self._provider.recordings(mbids, parts, limit), time_limit)

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return what the provider knows.

        Raises:
            MetadataUnavailableError: it failed, was too slow, or is being skipped.
        """
        if not mbids:
            return {}
        return self._call(lambda limit: self._provider.aliases(mbids, limit), time_limit)

    def _call(self, call: Callable[[float], _T], time_limit: float) -> _T:
        if not self._breaker.lets_through():
            self._metrics.count("metadata.skipped", provider=self._name)
            raise MetadataUnavailableError(f"{self._name} is being skipped")
        try:
            with self._metrics.timed("metadata.read", provider=self._name):
                result = self._in_time(call, min(self._time_limit, time_limit))
        except Exception as error:
            self._metrics.count("metadata.failures", provider=self._name)
            # That the caller had no time left says nothing about the provider.
            if time_limit >= self._time_limit and self._breaker.failed():
                _log.warning("%s is skipped for some seconds: %s", self._name, error)
                self._note(is_open=True)
            raise
        self._breaker.succeeded()
        self._note(is_open=False)
        return result

    def _note(self, *, is_open: bool) -> None:
        if is_open != self._open:
            self._open = is_open
            self._metrics.gauge("breaker.open", float(is_open), part=self._name)

    def _in_time(self, call: Callable[[float], _T], seconds: float) -> _T:
        deadline = time.monotonic() + seconds
        if seconds <= 0 or not self._slots.acquire(timeout=seconds):
            raise MetadataUnavailableError(f"{self._name} has no time or thread left")
        outcome: queue.SimpleQueue[_T | Exception] = queue.SimpleQueue()

        def run() -> None:
            try:
                outcome.put(call(deadline - time.monotonic()))
            except Exception as error:
                outcome.put(error)
            finally:
                self._slots.release()

        # A daemon, so that a call without end does not keep the process from ending.
        threading.Thread(target=run, name=f"metadata-{self._name}", daemon=True).start()
        try:
            result = outcome.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            raise MetadataUnavailableError(f"{self._name} did not answer in time") from None
        if isinstance(result, Exception):
            raise result
        return result
