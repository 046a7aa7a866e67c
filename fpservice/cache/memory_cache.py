"""A cache in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from cachetools import TLRUCache

from fpservice.interfaces import Metrics

_ENTRY_BYTES: Final = 250  # What an entry takes besides its key and value, about.


class _Entry(NamedTuple):
    value: bytes
    ttl: float
    size: int


class MemoryCache:
    """Bounded by bytes: what was not used for the longest time goes first."""

    def __init__(
        self,
        name: str,
        metrics: Metrics,
        max_bytes: int = 16 * 2**20,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count hits and misses under ``name``; a value too large to be kept is not kept."""
        self._name = name
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._entries: TLRUCache[str, _Entry] = TLRUCache(
            max_bytes,
            ttu=lambda _key, entry, now: now + entry.ttl,
            timer=clock,
            getsizeof=lambda entry: entry.size,
        )

    def get(self, key: str) -> bytes | None:
        """Return the value, or None."""
        with self._lock:
            entry = self._entries.get(key)
        outcome = "cache.misses" if entry is None else "cache.hits"
        self._metrics.count(outcome, cache=self._name, storage="memory")
        return None if entry is None else entry.value

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep the value for ``ttl`` seconds at most."""
        entry = _Entry(value, ttl, len(key) + len(value) + _ENTRY_BYTES)
        with self._lock:
            # What cannot be kept must still not leave an older value behind.
            self._entries.pop(key, None)
            if ttl > 0 and entry.size <= self._max_bytes:
                self._entries[key] = entry

    def delete(self, key: str) -> None:
        """Forget the value."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._entries.clear()

    def __len__(self) -> int:
        """Return how many values are kept."""
        with self._lock:
            self._entries.expire()
            return len(self._entries)
