"""Engines: how the three databases are opened, on SQLite files and on PostgreSQL alike."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.pool import ConnectionPoolEntry

# Less than the time clients wait for an answer.
BUSY_TIMEOUT_MS = 4_000
IMMEDIATE = "fpservice_immediate"


def open_engine(
    url: str,
    *,
    pool_size: int = 5,
    pool_recycle: int = 1800,
    connect_timeout: int = 3,
    statement_timeout: float = 4.0,
    autocommit: bool = False,
) -> Engine:
    """Return an engine for a SQLAlchemy URL; nothing connects yet.

    Times in seconds; without a ``statement_timeout`` the server's own counts. With ``autocommit``
    statements take one round trip each: no transaction begins, and whether a connection is still
    alive is seen when it is used. On SQLite it makes no difference.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url)
    limits: dict[str, Any] = {}
    if statement_timeout:
        milliseconds = int(statement_timeout * 1000)
        # Sent when the connection is made; a pooler in transaction mode would refuse it.
        limits["options"] = f"-c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
    return create_engine(
        url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_recycle=pool_recycle,
        pool_pre_ping=not autocommit,
        **({"isolation_level": "AUTOCOMMIT"} if autocommit else {}),
        # Rows that may be there already take one round trip a hundred, not one each.
        executemany_mode="values_plus_batch",
        # Statements carry keys; a log must not.
        hide_parameters=True,
        pool_timeout=connect_timeout,
        connect_args={"connect_timeout": connect_timeout, **limits},
    )


def _open_sqlite(url: str) -> Engine:
    database = make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(
        url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


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
    # A write transaction takes its lock at the start: one that began as a read could not wait.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(IMMEDIATE) else "BEGIN")
