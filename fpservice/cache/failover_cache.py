"""A cache in Redis while that answers, and in the process while it does not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from fpservice.cache.memory_cache import MemoryCache
from fpservice.cache.redis_cache import RedisCache
from fpservice.cache.redis_connection import RedisUnavailableError

_MAX_UNDELETED: Final = 1000
_T = TypeVar("_T")


class FailoverCache:
    """Goes to Redis first, always, and to the memory when that fails.

    What was deleted meanwhile is deleted in Redis before anything is read there again (of this
    process's deletions the last 1000; others are gone when their time is over). What the memory
    kept meanwhile is forgotten then, so that it is not old news the next time.
    """

    def __init__(self, shared: RedisCache, local: MemoryCache) -> None:
        """Keep values in ``shared``; both count for themselves."""
        self._shared = shared
        self._local = local
        self._lock = threading.Lock()
        self._away = False
        self._undeleted: dict[str, None] = {}

    def get(self, key: str) -> bytes | None:
        """Return the value, or None."""
        try:
            return self._in_redis(lambda: self._shared.read(key))
        except RedisUnavailableError:
            return self._local.get(key)

    def set(self, key: str, value: bytes, ttl: float) -> None:
        """Keep the value for ``ttl`` seconds at most."""
        try:
            self._in_redis(lambda: self._shared.write(key, value, ttl))
        except RedisUnavailableError:
            self._local.set(key, value, ttl)

    def delete(self, key: str) -> None:
        """Forget the value."""
        try:
            self._in_redis(lambda: self._shared.remove([key]))
        except RedisUnavailableError:
            self._local.delete(key)
            self._remember(key)

    def _in_redis(self, operation: Callable[[], _T]) -> _T:
        try:
            if self._undeleted:
                self._delete_late()
            result = operation()
        except RedisUnavailableError:
            self._away = True
            raise
        if self._away:
            self._away = False
            self._local.clear()
        return result

    def _delete_late(self) -> None:
        with self._lock:
            keys = list(self._undeleted)
        self._shared.remove(keys)
        with self._lock:
            for key in keys:
                self._undeleted.pop(key, None)

    def _remember(self, key: str) -> None:
        with self._lock:
            self._undeleted.pop(key, None)
            self._undeleted[key] = None
            if len(self._undeleted) > _MAX_UNDELETED:
                del self._undeleted[next(iter(self._undeleted))]
