"""The few statements that every lookup makes, on the driver itself.

Composing, compiling and wrapping cost SQLAlchemy more than the database takes to answer: 40 µs
instead of 190 for a statement on SQLite, and on PostgreSQL one round trip instead of four (ping,
BEGIN, statement, ROLLBACK). What is asked is written as elsewhere, and compiled once.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cachetools import LRUCache
from sqlalchemy import Connection, Dialect, Select

# How many numbers of values a statement is kept compiled for.
_KEPT: Final = 256
Row = tuple[Any, ...]


class DriverConnection(Protocol):
    """What a database's driver gives, as a pool of connections hands it out."""

    def cursor(self) -> Any:
        """Return a cursor."""


class QuickStatement:
    """A SELECT with one list of values, the expanding parameter ``values``."""

    def __init__(self, statement: Select[Any]) -> None:
        """Nothing is compiled before it is needed."""
        self._statement = statement
        self._compiled: LRUCache[tuple[str, int], str] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def text(self, dialect: Dialect, number: int) -> str:
        """Return the statement for so many values, as the driver wants it."""
        key = (dialect.name, number)
        with self._lock:
            found = self._compiled.get(key)
            if found is None:
                found = self._compile(dialect, number)
                self._compiled[key] = found
        return found

    def _compile(self, dialect: Dialect, number: int) -> str:
        filled = self._statement.params(values=list(range(number)))
        kind: Any = type(dialect)
        positional = kind(paramstyle="qmark" if dialect.name == "sqlite" else "format")
        return str(filled.compile(dialect=positional, compile_kwargs={"render_postcompile": True}))


@dataclass(frozen=True, slots=True)
class QuickConnection:
    """Runs quick statements; values and rows are those of the driver."""

    dialect: Dialect
    driver: DriverConnection

    @classmethod
    def within(cls, connection: Connection) -> QuickConnection:
        """Return one that takes part in a transaction."""
        return cls(connection.dialect, connection.connection)

    def rows(self, statement: QuickStatement, values: Sequence[Any]) -> list[Row]:
        """Return all rows."""
        cursor = self.driver.cursor()
        try:
            cursor.execute(statement.text(self.dialect, len(values)), tuple(values))
            rows: list[Row] = cursor.fetchall()
        finally:
            cursor.close()
        return rows


def as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    """Return what a driver gives for a UUID: PostgreSQL's gives one, SQLite's its digits."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
