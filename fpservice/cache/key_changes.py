"""How the processes of an installation learn, through Redis, that keys were switched on or off."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from typing import Final, cast

from fpservice.cache.redis_connection import RedisConnection, RedisUnavailableError

_log = logging.getLogger(__name__)
_KEY: Final = "fpservice:keys-changed"
_ASK_EVERY: Final = 1.0
# Longer than any process may remember a key.
_TTL: Final = 2 * 86400


class RedisKeyChanges:
    """A random token in Redis, another one after each change.

    No counter, which would begin anew in a Redis that was wiped and could come to the same number.
    """

    def __init__(
        self, connection: RedisConnection, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Ask Redis at most once a second."""
        self._connection = connection
        self._clock = clock
        self._lock = threading.Lock()
        self._ask_from = 0.0
        # No token is empty, so the first answer is news.
        self._seen: bytes | None = b""

    def announce(self) -> None:
        """Tell all processes; never raises."""
        token = secrets.token_hex(8)
        try:
            self._connection.call(lambda client: client.set(_KEY, token, ex=_TTL))
        except RedisUnavailableError as error:
            _log.warning("other processes learn late that a key was changed: %s", error)

    def has_news(self) -> bool:
        """Whether keys may have changed since this last answered yes."""
        with self._lock:
            now = self._clock()
            if now < self._ask_from:
                return False
            self._ask_from = now + _ASK_EVERY
        try:
            token = self._connection.call(lambda client: cast(bytes | None, client.get(_KEY)))
        except RedisUnavailableError:
            return False
        with self._lock:
            news = token != self._seen
            self._seen = token
            return news
