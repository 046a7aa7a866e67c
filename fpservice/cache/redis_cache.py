"""A cache in Redis, which processes and hosts share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar, cast

from redis import Redis

from fpservice.cache.redis_connection import RedisConnection, RedisUnavailableError
from fpservice.interfaces import Metrics

_LONGEST: Final = 365 * 86400.0
_T = TypeVar("_T")


class RedisCache:
    """Values expire by themselves; how many there are at most is up to Redis (``maxmemory``)."""

    def __init__(self, name: str, connection: RedisConnection, metrics: Metrics) -> None:
        """Count hits, misses and errors under ``name``, which keys begin with too."""
        self._name = name
        self._connection = connection
        self._metrics = metrics

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values that there are, in one round trip."""
        asked = list(keys)
        if not asked:
            return {}
        names = [self._full(key) for key in asked]
        values = self._call(lambda client: cast(list[bytes | None], client.mget(names)))
        if values is None:
            return {}
        pairs = zip(asked, values, strict=True)
        found = {key: value for key, value in pairs if value is not None}
        self._count("cache.hits", len(found))
        self._count("cache.misses", len(asked) - len(found))
        return found

    def set_many(self, values: Mapping[str, tuple[bytes, float]]) -> None:
        """Keep each value for as many seconds as stand beside it at most, in one round trip."""
        if values:
            self._call(lambda client: self._send(client, values))

    def claim(self, key: str, seconds: float) -> bool | None:
        """Return whether nobody has claimed the key in the last ``seconds``; None: who knows."""
        milliseconds = math.ceil(min(seconds, _LONGEST) * 1000)
        return self._call(
            lambda client: bool(client.set(self._full(key), b"", px=milliseconds, nx=True))
        )

    def _send(self, client: Redis, values: Mapping[str, tuple[bytes, float]]) -> None:
        with client.pipeline(transaction=False) as pipeline:
            for key, (value, ttl) in values.items():
                if ttl > 0:
                    milliseconds = math.ceil(min(ttl, _LONGEST) * 1000)
                    pipeline.set(self._full(key), value, px=milliseconds)
                else:
                    # What cannot be kept must still not leave an older value behind.
                    pipeline.delete(self._full(key))
            pipeline.execute()

    def _call(self, command: Callable[[Redis], _T]) -> _T | None:
        try:
            return self._connection.call(command)
        except RedisUnavailableError:
            self._count("cache.errors", 1)
            return None

    def _count(self, outcome: str, number: int) -> None:
        if number:
            self._metrics.count(outcome, number, cache=self._name, storage="redis")

    def _full(self, key: str) -> str:
        return f"fpservice:{self._name}:{key}"
