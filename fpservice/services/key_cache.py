"""API keys, remembered for a short time."""

from __future__ import annotations

import hmac
import re
import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from cachetools import TTLCache
from sqlalchemy import Connection

from fpservice.db.transaction import Database
from fpservice.domain.caller import Account, Application
from fpservice.interfaces import Metrics
from fpservice.observability.metrics import NullMetrics

KEY: Final = re.compile(r"[\x21-\x7e]{1,64}")
# A key that was just made must work at once, so what is not found is forgotten sooner.
_MISS_TTL: Final = 2.0

T = TypeVar("T", Account, Application)


class KeyCache(Generic[T]):
    """Remembers keys that exist, and for a moment those that do not."""

    def __init__(
        self,
        database: Database,
        find: Callable[[Connection, str], T | None],
        size: int,
        ttl: float,
        name: str = "keys",
        metrics: Metrics | None = None,
    ) -> None:
        """Ask ``find`` of the database; keep ``size`` keys for ``ttl`` seconds.

        Hits and misses are counted under ``name``.
        """
        self._name = name
        self._metrics = metrics or NullMetrics()
        self._database = database
        self._find: Callable[[Connection, str], T | None] = find
        self._known: TTLCache[str, T] = TTLCache(size, ttl)
        self._unknown: TTLCache[str, bool] = TTLCache(size, _MISS_TTL)
        self._lock = threading.Lock()
        self._forgotten = 0

    def get(self, apikey: str) -> T | None:
        """Return the active owner of the key."""
        if not KEY.fullmatch(apikey):
            return None
        with self._lock:
            known = self._known.get(apikey)
            remembered = known is not None or apikey in self._unknown
            forgotten = self._forgotten
        outcome = "cache.hits" if remembered else "cache.misses"
        self._metrics.count(outcome, cache=self._name, storage="memory")
        if remembered:
            return known
        with self._database.reading() as connection:
            found = self._find(connection, apikey)
        valid = found and found.active and hmac.compare_digest(found.apikey, apikey)
        owner = found if valid else None
        with self._lock:
            # What was read before all was forgotten may be just what was to be forgotten.
            if forgotten == self._forgotten:
                self._remember(apikey, owner)
        return owner

    def forget_all(self) -> None:
        """Ask the database about every key the next time."""
        with self._lock:
            self._forgotten += 1
            self._known.clear()
            self._unknown.clear()

    def _remember(self, apikey: str, owner: T | None) -> None:
        if owner:
            self._known[apikey] = owner
        else:
            self._unknown[apikey] = True
