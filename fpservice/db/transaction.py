"""The one place where transactions begin and end, and where database errors are translated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, exc

from fpservice.db.engines import IMMEDIATE
from fpservice.domain.errors import DatabaseUnavailableError


class Database:
    """One of the service's databases."""

    def __init__(self, name: str, engine: Engine) -> None:
        """``name`` appears in error messages and health checks."""
        self.name = name
        self.engine = engine

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yield a connection for reads; nothing is kept.

        Raises:
            DatabaseUnavailableError: no connection, a lost one, a time limit or a lock.
        """
        with self._translated(), self.engine.connect() as connection:
            yield connection

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
