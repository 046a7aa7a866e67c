"""The few statements that PostgreSQL and SQLite spell in their own way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> Any:
    """Return an INSERT that knows ON CONFLICT (the two dialects share its methods)."""
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)


def reserve_ids(connection: Connection, table: Table, number: int) -> None:
    """Leave ``number`` ids above the highest one free: later rows may come with ids of their own.

    The next id never becomes a lower one.
    """
    highest = connection.execute(select(func.max(table.c.id))).scalar()
    if highest is None:
        return
    parameters = {"name": table.name, "last": highest + number}
    if connection.dialect.name != "postgresql":
        statement = "UPDATE sqlite_sequence SET seq = :last WHERE name = :name AND seq < :last"
        connection.execute(text(statement), parameters)
        return
    sequence = f"{table.name}_id_seq"
    statement = f"SELECT setval('{sequence}', :last) FROM {sequence} WHERE last_value < :last"  # noqa: S608
    connection.execute(text(statement), {"last": highest + number})


def skip_used_ids(connection: Connection, table: Table) -> None:
    """Let the next id follow the highest one, after rows came with ids of their own.

    SQLite looks at the highest id by itself. The next id never becomes a lower one.
    """
    if connection.dialect.name != "postgresql":
        return
    name = table.name
    connection.execute(
        text(
            f"SELECT setval(s.name, t.highest) FROM"  # noqa: S608 (our own name)
            f" (SELECT max(id) AS highest FROM {name}) AS t,"
            f" (SELECT pg_get_serial_sequence('{name}', 'id') AS name) AS s,"
            # Never back: open transactions may have drawn ids that nobody else can see yet.
            f" {name}_id_seq AS q WHERE t.highest > q.last_value"
        )
    )
