"""Sources (who submitted, with which program) and audio formats, each stored once."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Table, select

from fpservice.db.app.tables import format as format_table
from fpservice.db.app.tables import source
from fpservice.db.dialect import insert


def find_or_add_source(
    connection: Connection, application_id: int, account_id: int, version: str
) -> int:
    """Return the id of the source."""
    return _find_or_add(
        connection,
        source,
        {"application_id": application_id, "account_id": account_id, "version": version},
    )


def find_or_add_format(connection: Connection, name: str) -> int:
    """Return the id of the audio format."""
    return _find_or_add(connection, format_table, {"name": name})


def _find_or_add(connection: Connection, table: Table, values: dict[str, Any]) -> int:
    find = select(table.c.id).where(*(table.c[name] == value for name, value in values.items()))
    found = connection.execute(find).scalar()
    if found is None:
        # Another worker may add it between the two statements; the row is the same.
        connection.execute(insert(connection, table).values(values).on_conflict_do_nothing())
        found = connection.execute(find).scalar_one()
    return int(found)
