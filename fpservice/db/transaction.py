"""The one place where transactions begin and end, and where database errors are translated."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, exc

from fpservice.db.engines import IMMEDIATE
from fpservice.domain.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)


class Database:
    """One of the service's databases."""

    def __init__(self, name: str, engine: Engine, replica: Engine | None = None) -> None:
        """``name`` appears in error messages and health checks; ``replica`` is only read."""
        self.name = name
        self.engine = engine
        self._replica = replica

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
        self.engine.dispose()
        if self._replica is not None:
            self._replica.dispose()


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
    original = getattr(error, "orig", None) or error
    return str(original).strip().split("\n", 1)[0]
