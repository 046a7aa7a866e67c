"""The way to Redis: connections that a process keeps, and what is done when it does not answer."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError
from redis.retry import Retry

from fpservice.config_options import RedisOptions
from fpservice.interfaces import Metrics
from fpservice.providers.circuit_breaker import PAUSE, CircuitBreaker

_log = logging.getLogger(__name__)
_MAX_CONNECTIONS: Final = 32
_T = TypeVar("_T")


class RedisUnavailableError(Exception):
    """Redis does not answer, not in time, or with an error; or it is being left alone."""


class Script:
    """A script in Lua, and the name by which Redis remembers it."""

    def __init__(self, text: str) -> None:
        """Nothing is sent yet."""
        self.text: Final = text
        self.digest: Final = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class RedisConnection:
    """Everything of a process that uses Redis goes through one of these, and so waits once.

    A failure keeps all calls away for some seconds, then one of them tries again. Connections are
    made when they are needed, and anew after a fork.
    """

    def __init__(
        self, options: RedisOptions, metrics: Metrics, breaker: CircuitBreaker | None = None
    ) -> None:
        """Nothing is connected yet; Redis must be configured in ``options``."""
        url = options.location()
        assert url is not None
        self._timeout = options.timeout
        self._metrics = metrics
        self._breaker = breaker or CircuitBreaker(failures=1, pause=PAUSE)
        self._slots = threading.BoundedSemaphore(_MAX_CONNECTIONS)
        self._failing: bool | None = None
        self._client = Redis(connection_pool=_pool(url, options.timeout))
        # For scripts, no more than there are threads; the pool closes them with its own.
        self._kept: list[Any] = []
        self._kept_by = os.getpid()

    def call(self, command: Callable[[Redis], _T]) -> _T:
        """Return what the command returns.

        Raises:
            RedisUnavailableError: it failed or was too slow, or Redis is being left alone.
        """
        with self._slot():
            return self._guarded(lambda: command(self._client))

    def run_script(self, script: Script, keys: Sequence[str], arguments: Sequence[str]) -> Any:
        """Return what a script returns, as the protocol has it.

        A third of the processor time of the client's own way: what that does around a command for
        retries, events and conversions is left out, and connections are not handed back each time.

        Raises:
            RedisUnavailableError: as ``call``.
        """
        words: list[str | int] = [len(keys), *keys, *arguments]
        return self._guarded(lambda: self._exchange(script, words))

    def ping(self) -> None:
        """Return if Redis answers now, whether it is being left alone or not.

        Raises:
            RedisUnavailableError: it does not.
        """
        with self._slot():
            try:
                self._client.ping()
            except (RedisError, OSError) as error:
                raise RedisUnavailableError(str(error)) from error

    def close(self) -> None:
        """Let go of the connections."""
        self._client.connection_pool.disconnect()

    def _guarded(self, action: Callable[[], _T]) -> _T:
        if not self._breaker.lets_through():
            raise RedisUnavailableError("Redis is left alone for some seconds")
        try:
            result = action()
        except (RedisError, OSError) as error:
            self._breaker.failed()
            self._note(error)
            raise RedisUnavailableError(str(error)) from error
        self._breaker.succeeded()
        self._note(None)
        return result

    def _exchange(self, script: Script, words: Sequence[str | int]) -> Any:
        connection = self._take()
        try:
            if _is_stale(connection):
                connection.disconnect()
            answer = _run(connection, script, words)
        except BaseException:
            # What was asked on it may still be answered.
            connection.disconnect()
            self._client.connection_pool.release(connection)
            raise
        self._kept.append(connection)
        return answer

    def _take(self) -> Any:
        if self._kept_by != os.getpid():
            self._kept, self._kept_by = [], os.getpid()
        try:
            return self._kept.pop()
        except IndexError:
            return self._client.connection_pool.get_connection()

    @contextmanager
    def _slot(self) -> Iterator[None]:
        # More threads than connections say nothing about Redis, so the breaker stays out of it.
        if not self._slots.acquire(timeout=self._timeout):
            raise RedisUnavailableError("all connections to Redis are in use")
        try:
            yield
        finally:
            self._slots.release()

    def _note(self, error: Exception | None) -> None:
        if error is not None:
            self._metrics.count("redis.failures")
        failing = error is not None
        if failing == self._failing:
            return
        if failing:
            _log.warning("Redis is left alone for some seconds at a time: %s", error)
        elif self._failing:
            _log.info("Redis answers again")
        self._failing = failing
        self._metrics.gauge("breaker.open", float(failing), part="redis")


def _is_stale(connection: Any) -> bool:
    """Whether something came that nobody asked for: the end of the connection."""
    try:
        return bool(connection.can_read(timeout=0))
    except (RedisError, OSError):
        return True


def _run(connection: Any, script: Script, words: Sequence[str | int]) -> Any:
    try:
        connection.send_command("EVALSHA", script.digest, *words)
        return connection.read_response()
    except NoScriptError:
        # A Redis that was started or wiped since does not know it; this tells it.
        connection.send_command("EVAL", script.text, *words)
        return connection.read_response()


def _pool(url: str, timeout: float) -> ConnectionPool:
    return ConnectionPool.from_url(
        url,
        max_connections=_MAX_CONNECTIONS,
        socket_connect_timeout=timeout,
        socket_timeout=timeout,
        # Another try would wait a second time.
        retry=Retry(NoBackoff(), 0),
        # With version 3, connections that were closed meanwhile are found out too late.
        protocol=2,
    )
