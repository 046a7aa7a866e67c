"""The one place where transactions begin and end, and where database errors are translated."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import psycopg2
from sqlalchemy import Connection, Engine, PoolProxiedConnection, exc

from fpservice.db.engines import IMMEDIATE
from fpservice.db.quick import QuickConnection
from fpservice.domain.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)
T = TypeVar("T")
_DRIVER_ERRORS: Final = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    sqlite3.OperationalError,
)


class _ConnectionLostError(Exception):
    """A connection of the pool is dead; another one may not be."""


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
        self._replica = replica
        self._quick = quick if self.has_many_writers else replica or engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reads; nothing is kept.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        with self._translated(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def reading_replica(self) -> Iterator[Connection]:
        """Yield a connection for reads that may be a little late: to the replica, if it answers.

        Raises:
            DatabaseUnavailableError: neither the replica nor the database answers.
        """
        connection = self._replica_connection()
        if connection is None:
            with self.reading() as own:
                yield own
            return
        with self._translated(), connection:
            yield connection

    def quickly(self, read: Callable[[QuickConnection], T]) -> T:
        """Return what ``read`` returns, from the replica if there is one.

        ``read`` only reads; if its connection turns out to be dead it is called once more.

        Raises:
            DatabaseUnavailableError: neither the replica nor the database answers.
        """
        driver = self._quick_connection()
        if self._quick is not None and driver is not None:
            try:
                return self._read_quickly(self._quick, driver, read)
            except _ConnectionLostError as error:
                # It was lost while nobody used it.
                log.info("%s: %s", self.name, _first_line(error))
        with self.reading_replica() as connection:
            return read(QuickConnection.within(connection))

    def _quick_connection(self) -> PoolProxiedConnection | None:
        if self._quick is None:
            return None
        try:
            return self._quick.raw_connection()
        except (exc.SQLAlchemyError, *_DRIVER_ERRORS) as error:
            if self._replica is None:
                raise DatabaseUnavailableError(
                    f"database {self.name}: {_first_line(error)}"
                ) from error
            log.warning("replica of %s does not answer: %s", self.name, _first_line(error))
            return None

    def _read_quickly(
        self, quick: Engine, driver: PoolProxiedConnection, read: Callable[[QuickConnection], T]
    ) -> T:
        try:
            return read(QuickConnection(quick.dialect, driver))
        except _DRIVER_ERRORS as error:
            is_lost = bool(getattr(driver.dbapi_connection, "closed", False))
            driver.invalidate()
            if is_lost:
                raise _ConnectionLostError(str(error)) from error
            raise DatabaseUnavailableError(f"database {self.name}: {_first_line(error)}") from error
        finally:
            driver.close()

    @property
    def has_replica(self) -> bool:
        """Whether what was read from ``reading_replica`` may be late."""
        return self._replica is not None

    @property
    def has_many_writers(self) -> bool:
        """Whether transactions that write run side by side; on SQLite there is one at a time."""
        return self.engine.dialect.name != "sqlite"

    def _replica_connection(self) -> Connection | None:
        if self._replica is None:
            return None
        try:
            return self._replica.connect()
        except exc.SQLAlchemyError as error:
            log.warning("replica of %s does not answer: %s", self.name, _reason(error))
            return None

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction: committed at the end, rolled back on an error.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        with self._translated(), self.engine.connect() as plain:
            connection = plain.execution_options(**{IMMEDIATE: True})
            with connection.begin():
                yield connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError) as error:
            raise DatabaseUnavailableError(f"database {self.name}: {_reason(error)}") from error
        except exc.DBAPIError as error:
            if error.connection_invalidated:
                raise DatabaseUnavailableError(f"database {self.name}: connection lost") from error
            raise

    def close(self) -> None:
        """Close the pooled connections."""
        for engine in (self.engine, self._replica, self._quick):
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


def _reason(error: exc.SQLAlchemyError) -> str:
    return _first_line(getattr(error, "orig", None) or error)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
