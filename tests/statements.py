"""What is sent to databases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from unittest.mock import patch

from sqlalchemy import event

from fpservice.db.quick import QuickConnection, QuickStatement, Row, Values
from fpservice.db.transaction import Database

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NotingConnection(QuickConnection):
    """A quick connection that notes what is asked on it."""

    sent: list[str] = field(default_factory=list)

    def rows(self, statement: QuickStatement, values: Values) -> list[Row]:
        """Return all rows."""
        self.sent.append(str(statement._compose(lambda column: column.in_(list(values)))))
        return QuickConnection.rows(self, statement, values)


@contextmanager
def statements(*databases: Database) -> Iterator[list[str]]:
    """Collect what is sent; PostgreSQL begins transactions without being asked."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    def quickly(database: Database, read: Callable[[QuickConnection], T]) -> T:
        if database not in databases:
            return plain(database, read)
        return plain(
            database,
            lambda one: read(NotingConnection(one.dialect, one.driver, one.prepared, sent)),
        )

    plain = Database.quickly
    for database in databases:
        event.listen(database.engine, "before_cursor_execute", note)
    with patch.object(Database, "quickly", quickly):
        yield sent
    for database in databases:
        event.remove(database.engine, "before_cursor_execute", note)
