"""A time limit on this side for what PostgreSQL is asked.

The server keeps its own limit only while it runs: one that is stopped, or that nobody can reach any
more, would keep us waiting for ever, as the driver waits without a limit. A thread of the process
looks at all connections a few times a second and cuts those whose answer is too late; the call that
waits then fails as on any lost connection. The driver's way of waiting for itself (its callback)
would forbid COPY and cost each statement more than this, which sets two attributes.
"""

from __future__ import annotations

import logging
import math
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from weakref import WeakSet

import psycopg2
from psycopg2 import extensions
from sqlalchemy import Connection

log = logging.getLogger(__name__)
_LOOK_EVERY: Final = 0.1
_monotonic = time.monotonic


class WatchedCursor(extensions.cursor):
    """A cursor of a watched connection."""

    connection: WatchedConnection

    def execute(self, query: Any, vars: Any = None) -> None:
        """Run a statement."""
        connection = self.connection
        connection.deadline = _monotonic() + connection.limit
        try:
            super().execute(query, vars)
        finally:
            connection.deadline = math.inf

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        """Return some rows, which a cursor with a name asks the server for."""
        with self.connection.asking():
            return super().fetchmany(size if size is not None else self.arraysize)

    def close(self) -> None:
        """End it; the server is told of one with a name."""
        with self.connection.asking():
            super().close()

    def copy_expert(self, sql: Any, file: Any, size: int = 8192) -> None:
        """Copy rows from or to a file."""
        with self.connection.asking():
            super().copy_expert(sql, file, size)


class WatchedConnection(extensions.connection):
    """A connection that is cut when an answer takes more than ``limit`` seconds.

    ``prepared`` are the names of the statements that its session has prepared, None if others may
    have that session next.
    """

    def __init__(self, limit: float, prepares: bool, *arguments: Any, **more: Any) -> None:
        """Connect; how long that takes is for libpq to limit."""
        self.limit = limit
        self.prepared: set[str] | None = set() if prepares else None
        self.deadline = math.inf
        self.was_cut = False
        # When it was given back to its pool; never, if it was just made.
        self.last_used = math.inf
        super().__init__(*arguments, **more)
        self.cursor_factory = WatchedCursor
        _watchdog.watch(self)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Have the limit count within the block."""
        self.deadline = _monotonic() + self.limit
        try:
            yield
        finally:
            self.deadline = math.inf

    @property
    def was_told(self) -> bool:
        """Whether the server has said something that nobody asked for: most likely that it ends."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def commit(self) -> None:
        """Commit."""
        with self.asking():
            super().commit()

    def rollback(self) -> None:
        """Roll back."""
        with self.asking():
            super().rollback()

    def cut_if_late(self, now: float) -> None:
        """Make the call that waits fail, if it has waited for too long."""
        deadline = self.deadline
        if now < deadline:
            return
        try:
            with socket.socket(fileno=os.dup(self.fileno())) as copy:
                # The file is the one that is waited for only if that call still waits.
                if self.deadline == deadline:
                    self.was_cut = True
                    copy.shutdown(socket.SHUT_RDWR)
        except (OSError, psycopg2.Error) as error:
            log.debug("lost before it was cut: %s", error)
            return
        log.warning("database %s did not answer in time: connection cut", self.info.dbname)


class _Watchdog:
    """Looks at the connections of this process, in a thread that starts with the first of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: WeakSet[WatchedConnection] = WeakSet()
        self._thread: threading.Thread | None = None

    def watch(self, connection: WatchedConnection) -> None:
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="database-watchdog", daemon=True
                )
                self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            # A method of its own, so that nothing is kept alive until the next look.
            self._look()

    def _look(self) -> None:
        with self._lock:
            connections = list(self._connections)
        now = _monotonic()
        for connection in connections:
            connection.cut_if_late(now)


def _begin_anew() -> None:
    # A fork has no thread, and must leave alone the connections that it shares with its parent.
    global _watchdog
    _watchdog = _Watchdog()


_watchdog = _Watchdog()
os.register_at_fork(after_in_child=_begin_anew)


@contextmanager
def patience(connection: Connection, seconds: float) -> Iterator[None]:
    """Let each statement within the block take ``seconds`` before its connection is cut.

    What limits the server has is another matter.
    """
    driver = connection.connection.dbapi_connection
    if not isinstance(driver, WatchedConnection):
        yield
        return
    usual = driver.limit
    driver.limit = max(usual, seconds)
    try:
        yield
    finally:
        driver.limit = usual
