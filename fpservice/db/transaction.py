"""The one place where transactions begin and end, and where database errors are translated."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

import psycopg2
from sqlalchemy import Connection, Engine, PoolProxiedConnection, exc

from fpservice.db.engines import IMMEDIATE
from fpservice.db.failures import (
    DRIVER_ERRORS,
    first_line,
    has_forgotten,
    is_lost,
    noticing_loss,
    translated,
    unavailable,
    was_cut,
)
from fpservice.db.quick import QuickConnection
from fpservice.db.replica import Replica
from fpservice.db.thread_connections import ThreadConnections
from fpservice.db.watched import WatchedConnection

log = logging.getLogger(__name__)
T = TypeVar("T")


class _ConnectionLostError(Exception):
    """A connection of the pool is dead, or its session not what we left; another one may do."""


class Database:
    """One of the service's databases."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        replica: Engine | None = None,
        quick: Engine | None = None,
    ) -> None:
        """``name`` appears in error messages and health checks; ``replica`` is only read.

        ``quick`` leads where the replica is, or else to the database itself; its connections are in
        autocommit mode and not looked at before they are used.
        """
        self.name = name
        self.engine = engine
        self._replica = Replica(name, replica) if replica else None
        self._quick = quick if self.has_many_writers else replica
        in_files = not self.has_many_writers and replica is None
        self._own = ThreadConnections(engine) if in_files else None

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reads; nothing is kept.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        with (
            translated(self.name),
            self.engine.connect() as connection,
            noticing_loss(self.name, connection),
        ):
            yield connection

    @contextmanager
    def reading_replica(self) -> Iterator[Connection]:
        """Yield a connection for reads that may be a little late: to the replica, if it answers.

        Raises:
            DatabaseUnavailableError: neither the replica nor the database answers.
        """
        connection = self._replica.connect() if self._replica else None
        if connection is None:
            with self.reading() as own:
                yield own
            return
        with translated(self.name), connection, self._noticing_replica(connection):
            yield connection

    def quickly(self, read: Callable[[QuickConnection], T]) -> T:
        """Return what ``read`` returns, from the replica if there is one.

        ``read`` only reads; if its connection turns out to be dead it is called once more.

        Raises:
            DatabaseUnavailableError: neither the replica nor the database answers.
        """
        if self._own is not None:
            return self._read_own(self._own, read)
        driver = self._quick_connection()
        if self._quick is not None and driver is not None:
            try:
                return self._read_quickly(self._quick, driver, read)
            except _ConnectionLostError as error:
                # It was lost, or changed, while nobody used it.
                log.info("%s: %s", self.name, first_line(error))
        with self.reading_replica() as connection:
            return read(QuickConnection.within(connection))

    def _read_own(self, own: ThreadConnections, read: Callable[[QuickConnection], T]) -> T:
        try:
            return read(QuickConnection(self.engine.dialect, own.get()))
        except (exc.OperationalError, exc.TimeoutError, *DRIVER_ERRORS) as error:
            own.forget()
            raise unavailable(self.name, error) from error

    def _quick_connection(self) -> PoolProxiedConnection | None:
        if self._quick is None or (self._replica and self._replica.rests):
            return None
        try:
            return self._quick.raw_connection()
        except (exc.SQLAlchemyError, *DRIVER_ERRORS) as error:
            if self._replica is None:
                raise unavailable(self.name, error) from error
            self._replica.failed(error)
            return None

    def _read_quickly(
        self, quick: Engine, driver: PoolProxiedConnection, read: Callable[[QuickConnection], T]
    ) -> T:
        try:
            kept = driver.dbapi_connection
            prepared = kept.prepared if isinstance(kept, WatchedConnection) else None
            return read(QuickConnection(quick.dialect, kept or driver, prepared))
        except (psycopg2.Error, sqlite3.OperationalError) as error:
            failure = self._quick_failure(driver, error)
            if failure is None:
                raise
            raise failure from error
        finally:
            driver.close()

    def _quick_failure(self, driver: PoolProxiedConnection, error: Exception) -> Exception | None:
        """Return what is to be raised instead, if anything; the connection is wanted no more."""
        lost, cut = is_lost(driver), was_cut(driver)
        driver.invalidate()
        if cut and self._replica:
            self._replica.failed(error)
        if (lost and not cut) or has_forgotten(error):
            return _ConnectionLostError(str(error))
        return unavailable(self.name, error) if lost or isinstance(error, DRIVER_ERRORS) else None

    @property
    def has_replica(self) -> bool:
        """Whether what was read from ``reading_replica`` may be late."""
        return self._replica is not None

    @property
    def has_many_writers(self) -> bool:
        """Whether transactions that write run side by side; on SQLite there is one at a time."""
        return self.engine.dialect.name != "sqlite"

    @contextmanager
    def _noticing_replica(self, connection: Connection) -> Iterator[None]:
        driver = connection.connection.dbapi_connection
        try:
            with noticing_loss(self.name, connection):
                yield
        except Exception as error:
            if self._replica and getattr(driver, "was_cut", False):
                self._replica.failed(error)
            raise

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction: committed at the end, rolled back on an error.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        with translated(self.name), self.engine.connect() as plain:
            connection = plain.execution_options(**{IMMEDIATE: True})
            with connection.begin(), noticing_loss(self.name, connection):
                yield connection

    @contextmanager
    def writing_quickly(self) -> Iterator[QuickConnection]:
        """Yield a connection as :meth:`writing` does, for statements on the driver itself.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        if not self.has_many_writers:
            with self.writing() as connection:
                yield QuickConnection.within(connection)
            return
        # What is not committed is rolled back when it goes back to its pool.
        with translated(self.name), closing(self.engine.raw_connection()) as driver:
            try:
                yield QuickConnection(self.engine.dialect, driver)
                driver.commit()
            except psycopg2.Error as error:
                if not is_lost(driver):
                    raise
                driver.invalidate()
                raise unavailable(self.name, error) from error

    def close(self) -> None:
        """Close the pooled connections."""
        if self._own is not None:
            self._own.forget_all()
        replica = self._replica.engine if self._replica else None
        for engine in (self.engine, replica, self._quick):
            if engine is not None:
                engine.dispose()


@dataclass(frozen=True, slots=True)
class Databases:
    """The databases the service writes; never joined in one statement."""

    app: Database
    fingerprint: Database
    ingest: Database

    def all(self) -> tuple[Database, ...]:
        """Return them in the order in which they are migrated."""
        return (self.app, self.fingerprint, self.ingest)

    def close(self) -> None:
        """Close the pooled connections of all."""
        for database in self.all():
            database.close()
