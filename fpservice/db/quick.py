"""The few statements that lookups make, on the driver itself.

Composing, compiling and wrapping cost SQLAlchemy more than the database takes to answer: 40 µs
instead of 190 for a statement on SQLite, and on PostgreSQL one round trip instead of four (ping,
BEGIN, statement, ROLLBACK). What is asked is written as elsewhere, and compiled once.

PostgreSQL itself takes longer to plan such a statement than to run it (190 µs, 60 if it is
prepared), so connections that are kept for them prepare each at its first use.
"""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from cachetools import LRUCache
from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    SelectBase,
    any_,
    bindparam,
    literal_column,
)

# How many lengths of the list a statement is kept compiled for.
_KEPT: Final = 256
_counter = itertools.count(1)
Row = tuple[Any, ...]
Values = Sequence[int] | Sequence[uuid.UUID]
Among = Callable[[ColumnElement[Any]], ColumnElement[bool]]


class DriverConnection(Protocol):
    """What a database's driver gives, as a pool of connections hands it out."""

    def cursor(self) -> Any:
        """Return a cursor."""


class QuickStatement:
    """Selects rows by a list of whole numbers or UUIDs."""

    def __init__(self, compose: Callable[[Among], SelectBase]) -> None:
        """``compose`` gets a function that says that a column has one of the values.

        What it returns has no other parameter. Nothing is composed before it is needed.
        """
        self._compose = compose
        self._name = f"quick_{next(_counter)}"
        self._compiled: LRUCache[tuple[str, int], tuple[str, int]] = LRUCache(_KEPT)
        self._lock = threading.Lock()

    def run(self, cursor: Any, dialect: Dialect, values: Values) -> None:
        """Execute it on the driver's cursor."""
        key = (dialect.name, len(values))
        with self._lock:
            found = self._compiled.get(key)
            if found is None:
                found = self._compile(dialect, len(values))
                self._compiled[key] = found
        text, times = found
        cursor.execute(text, tuple(values) * times)

    def run_prepared(
        self, cursor: Any, dialect: Dialect, values: Values, prepared: set[str]
    ) -> None:
        """Execute it on PostgreSQL; prepare it with that where ``prepared`` lacks it."""
        execute, array = f"EXECUTE {self._name}(%s)", f"{{{','.join(map(str, values))}}}"
        if self._name in prepared:
            cursor.execute(execute, (array,))
            return
        given: ColumnElement[Any] = literal_column("$1")
        whole = self._compose(lambda column: column == any_(given)).compile(dialect=dialect)
        cursor.execute(f"PREPARE {self._name} AS {whole}; {execute}", (array,))
        prepared.add(self._name)

    def _compile(self, dialect: Dialect, number: int) -> tuple[str, int]:
        """Return the statement as the driver wants it, and how many times it names the values."""
        values: ColumnElement[Any] = bindparam("values", list(range(number)), expanding=True)
        kind: Any = type(dialect)
        positional = kind(paramstyle="qmark" if dialect.name == "sqlite" else "format")
        compiled: Any = self._compose(lambda column: column.in_(values)).compile(
            dialect=positional, compile_kwargs={"render_postcompile": True}
        )
        return str(compiled), len(compiled.positiontup) // number


@dataclass(frozen=True, slots=True)
class QuickConnection:
    """Runs quick statements; rows are those of the driver.

    ``prepared`` are the names of what the session has prepared; None if it prepares nothing.
    """

    dialect: Dialect
    driver: DriverConnection
    prepared: set[str] | None = None

    @classmethod
    def within(cls, connection: Connection) -> QuickConnection:
        """Return one that takes part in a transaction."""
        return cls(connection.dialect, connection.connection)

    def rows(self, statement: QuickStatement, values: Values) -> list[Row]:
        """Return all rows; there has to be a value."""
        cursor = self.driver.cursor()
        try:
            if self.prepared is None:
                statement.run(cursor, self.dialect, values)
            else:
                statement.run_prepared(cursor, self.dialect, values, self.prepared)
            rows: list[Row] = cursor.fetchall()
        finally:
            cursor.close()
        return rows


def as_uuid(value: uuid.UUID | str) -> uuid.UUID:
    """Return what a driver gives for a UUID: PostgreSQL's gives one, SQLite's its digits."""
    return value if isinstance(value, uuid.UUID) else uuid.UUID(value)
