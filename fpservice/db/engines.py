"""Engines: how the three databases are opened, on SQLite files and on PostgreSQL alike."""

from __future__ import annotations

import math
import random
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection, Dialect, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from fpservice.db.failures import first_line
from fpservice.db.watched import WatchedConnection

# Less than the time clients wait for an answer.
BUSY_TIMEOUT_MS = 4_000
IMMEDIATE = "fpservice_immediate"
# How long to wait before looking again whether a file is locked, in seconds.
_LOOK_AGAIN: Final = (0.0002, 0.001)
# A server that keeps its own limit gets this much more time to say so, in seconds.
_MARGIN: Final = 0.5
# So long, in seconds, is a connection taken to be alive after its last use.
_ALIVE_FOR: Final = 1.0
# Looking whether a connection is alive and making another one have to fit into the time that
# clients wait.
_PING_LIMIT: Final = 1.0
# Of connections that nobody uses, or to machines that are gone, libpq learns by these.
_TCP: Final = {
    "keepalives": 1,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
# For statements that are planned once and find few rows by a key. A plan that is made while a table
# is still small would read all of it, and stay in use while it grows.
_PREPARED: Final = {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}


def open_engine(
    url: str,
    *,
    pool_size: int = 5,
    pool_recycle: int = 1800,
    connect_timeout: int = 3,
    statement_timeout: float = 4.0,
    autocommit: bool = False,
    read_only: bool = False,
    pooler: bool = False,
) -> Engine:
    """Return an engine for a SQLAlchemy URL; nothing connects yet.

    Times in seconds. A ``statement_timeout`` is kept by the server, and a little later on this side
    for the case that the server hangs; 0 is none. With ``autocommit`` statements take one round
    trip each: no transaction begins, and whether a connection is still alive is seen when it is
    used. ``read_only`` spares the transactions alone, and the server refuses writes. With a
    ``pooler`` in between nothing is said to the session, which is shared: no time limit either.
    On SQLite it all makes no difference.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url)
    limits = _limits(statement_timeout, read_only=read_only)
    settings = {} if pooler else limits | (_PREPARED if autocommit else {})
    limit = statement_timeout + _MARGIN if statement_timeout else math.inf
    engine = create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=pool_recycle,
        **({"pool_reset_on_return": None} if autocommit else {}),
        **({"isolation_level": "AUTOCOMMIT"} if autocommit or read_only else {}),
        # Rows that may be there already take one round trip a hundred, not one each.
        executemany_mode="values_plus_batch",
        # Statements carry keys; a log must not.
        hide_parameters=True,
        pool_timeout=connect_timeout,
        connect_args={
            "connect_timeout": connect_timeout,
            "connection_factory": partial(WatchedConnection, limit, autocommit and not pooler),
            **{name: value for name, value in _TCP.items() if name not in make_url(url).query},
            **_session(settings),
        },
    )
    if not autocommit:
        _look_before_use(engine, limit)
    return engine


def _limits(statement_timeout: float, *, read_only: bool) -> dict[str, object]:
    settings: dict[str, object] = {}
    if statement_timeout:
        milliseconds = int(statement_timeout * 1000)
        settings |= {"statement_timeout": milliseconds, "lock_timeout": milliseconds}
    if read_only:
        settings["default_transaction_read_only"] = "on"
    return settings


def _session(settings: Mapping[str, object]) -> dict[str, str]:
    """Return what the server is told when a connection is made, at the cost of no round trip."""
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    return {"options": options} if options else {}


def _look_before_use(engine: Engine, limit: float) -> None:
    """Ask connections whether they are alive, unless they answered just now.

    That is a ping, and has less time than a statement. At hundreds of transactions a second it
    would be a quarter of what each costs.
    """
    ping: Callable[[Any], bool] = engine.dialect.do_ping

    def returned(connection: WatchedConnection | None, _: ConnectionPoolEntry) -> None:
        if connection is not None:
            connection.limit = min(limit, _PING_LIMIT)
            connection.last_used = time.monotonic()

    def taken(connection: WatchedConnection, _: ConnectionPoolEntry, __: object) -> None:
        try:
            idle = time.monotonic() - connection.last_used
            if idle > _ALIVE_FOR or (idle > 0 and connection.was_told):
                ping(connection)
        except psycopg2.Error as error:
            # The pool connects anew, and so it will for all others that are as old.
            raise exc.InvalidatePoolError(first_line(error)) from error
        connection.limit = limit

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)


def _open_sqlite(url: str) -> Engine:
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
    )
    event.listen(engine, "do_connect", _make_folder)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _make_folder(
    _: Dialect, __: ConnectionPoolEntry, arguments: Sequence[str], ___: Mapping[str, Any]
) -> None:
    """Make the folder of a database; looking at what is configured makes none."""
    if arguments and arguments[0] != ":memory:":
        Path(arguments[0]).parent.mkdir(parents=True, exist_ok=True)


def _prepare_sqlite(connection: sqlite3.Connection, _: ConnectionPoolEntry) -> None:
    # The driver would open transactions on its own, too late and not for reads; we do it.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_TIMEOUT_MS}",
        "journal_mode=WAL",
        # An answered submission must survive a power cut, not only a crash of the process.
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
        "cache_size=-16000",
        "mmap_size=268435456",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    if options.get(IMMEDIATE):
        _begin_to_write(connection.connection.dbapi_connection)
    else:
        connection.exec_driver_sql("BEGIN")


def _begin_to_write(driver: Any) -> None:
    """Take the lock of the file at the start: a transaction that began as a read could not wait.

    SQLite waits longer and longer between two looks at a lock, up to 100 ms, so that whoever came
    first is the last to get it where others come all the time; half a second was seen.
    """
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    driver.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                driver.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() > deadline:
                    raise
            time.sleep(random.uniform(*_LOOK_AGAIN))
    finally:
        driver.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
