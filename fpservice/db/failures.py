"""What goes wrong with a database, from SQLAlchemy and from the drivers, in the service's words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg2
from psycopg2 import errors
from sqlalchemy import Connection, PoolProxiedConnection, exc

from fpservice.domain.errors import DatabaseUnavailableError

DRIVER_ERRORS: Final = (
    psycopg2.OperationalError,
    psycopg2.InterfaceError,
    sqlite3.OperationalError,
)
# What a session has prepared is gone, or no longer fits the tables: a migration, or a pooler that
# nobody mentioned.
_FORGOTTEN: Final = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)
# Whatever goes wrong with a database, mistakes too.
DATABASE_ERRORS: Final = (exc.SQLAlchemyError, psycopg2.Error, sqlite3.Error)


def unavailable(name: str, error: BaseException) -> DatabaseUnavailableError:
    """Return the error that says that database ``name`` does not answer."""
    return DatabaseUnavailableError(f"database {name}: {first_line(error)}")


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Raise what means that the database does not answer as a DatabaseUnavailableError."""
    try:
        yield
    except (exc.OperationalError, exc.InterfaceError, exc.TimeoutError, *DRIVER_ERRORS) as error:
        raise unavailable(name, error) from error
    except exc.PendingRollbackError as error:
        # Somebody went on after the connection was lost.
        raise DatabaseUnavailableError(f"database {name}: connection lost") from error
    except exc.DBAPIError as error:
        if error.connection_invalidated:
            raise DatabaseUnavailableError(f"database {name}: connection lost") from error
        raise


@contextmanager
def noticing_loss(name: str, connection: Connection) -> Iterator[None]:
    """Let no lost connection back into the pool: SQLAlchemy does not see what the driver is asked.

    Raises:
        DatabaseUnavailableError: the driver lost the connection; its error may be of any kind.
    """
    try:
        yield
    except psycopg2.Error as error:
        if connection.invalidated or not is_lost(connection.connection):
            raise
        connection.invalidate()
        raise unavailable(name, error) from error


def is_lost(driver: PoolProxiedConnection) -> bool:
    """Whether a connection of the pool is dead."""
    return bool(getattr(driver.dbapi_connection, "closed", False))


def has_forgotten(error: BaseException) -> bool:
    """Whether another session would have prepared the statement anew."""
    return isinstance(error, _FORGOTTEN)


def was_cut(driver: PoolProxiedConnection) -> bool:
    """Whether we cut it, as no answer came: then another one gets none either."""
    return bool(getattr(driver.dbapi_connection, "was_cut", False))


def first_line(error: BaseException) -> str:
    """Return what the driver says, in short."""
    return str(getattr(error, "orig", None) or error).strip().split("\n", 1)[0]
