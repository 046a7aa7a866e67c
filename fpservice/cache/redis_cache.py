"""A cache in Redis, which processes and hosts share."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from typing import Final, TypeVar, cast

from redis import Redis

from fpservice.cache.redis_connection import RedisConnection, RedisUnavailableError
from fpservice.interfaces import Metrics

_LONGEST: Final = 365 * 86400.0
_T = TypeVar("_T")


class RedisCache:
    """Values expire by themselves; how many there are at most is up to Redis (``maxmemory``).

    Each operation exists twice: ``get``, ``set`` and ``delete`` fail open; ``read``, ``write`` and
    ``remove`` tell whoever has somewhere else to go.
    """

    def __init__(self, name: str, connection: RedisConnection, metrics: Metrics) -> None:
        """Count hits, misses and errors under ``name``, which keys begin with too."""
        self._name = name
        self._connection = connection
        self._metrics = metrics

    def get(self, key: str) -> bytes | None:
        """Return the value, or None."""
        try:
            return self.read(key)
        except RedisUnavailableError:
            return None

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep the value for ``ttl`` seconds at most."""
        with contextlib.suppress(RedisUnavailableError):
            self.write(key, value, ttl)

    def delete(self, key: str) -> None:
        """Forget the value."""
        with contextlib.suppress(RedisUnavailableError):
            self.remove([key])

    def read(self, key: str) -> bytes | None:
        """Return the value, or None if there is none.

        Raises:
            RedisUnavailableError: it cannot be told.
        """
        value = self._call(lambda client: cast(bytes | None, client.get(self._full(key))))
        self._count("cache.misses" if value is None else "cache.hits")
        return value

    def write(self, key: str, value: bytes, ttl: float) -> None:
        """Keep the value for ``ttl`` seconds at most.

        Raises:
            RedisUnavailableError: it may not be kept.
        """
        if ttl <= 0:
            self.remove([key])
            return
        milliseconds = math.ceil(min(ttl, _LONGEST) * 1000)
        self._call(lambda client: client.set(self._full(key), value, px=milliseconds))

    def remove(self, keys: Iterable[str]) -> None:
        """Forget the values of these keys.

        Raises:
            RedisUnavailableError: some may still be there.
        """
        names = [self._full(key) for key in keys]
        if names:
            self._call(lambda client: client.delete(*names))

    def _call(self, command: Callable[[Redis], _T]) -> _T:
        try:
            return self._connection.call(command)
        except RedisUnavailableError:
            self._count("cache.errors")
            raise

    def _count(self, outcome: str) -> None:
        self._metrics.count(outcome, cache=self._name, storage="redis")

    def _full(self, key: str) -> str:
        return f"fpservice:{self._name}:{key}"
