"""The few statements that PostgreSQL and SQLite spell in their own way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT (the two dialects share its methods)."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def skip_used_ids(connection: Connection, table: Table) -> None:
    """Let the next id follow the highest one, after rows came with ids of their own.

    SQLite looks at the highest id by itself.
    """
    if connection.dialect.name != "postgresql":
        return
    name = table.name
    connection.execute(
        text(
            f"SELECT setval(pg_get_serial_sequence('{name}', 'id'),"  # noqa: S608 (our own name)
            f" GREATEST((SELECT max(id) FROM {name}), 1))"
        )
    )
