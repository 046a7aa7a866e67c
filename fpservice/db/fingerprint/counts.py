"""Rows that link a track to something, and count the submissions that say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table

from fpservice.db.dialect import insert


def count_rows(
    connection: Connection, table: Table, name: str, counts: Mapping[tuple[int, Any], int]
) -> None:
    """Add links, or add to the counts of those that exist; one statement for all.

    Args:
        connection: in a transaction.
        table: one with ``track_id``, ``submission_count`` and the column ``name``, unique together.
        name: of the column that holds what a track is linked to.
        counts: how many submissions there are, by (track id, value).
    """
    if not counts:
        return
    statement = insert(connection, table)
    statement = statement.on_conflict_do_update(
        index_elements=[table.c.track_id, table.c[name]],
        set_={"submission_count": table.c.submission_count + statement.excluded.submission_count},
    )
    connection.execute(
        statement,
        [
            {"track_id": track_id, name: value, "submission_count": count}
            for (track_id, value), count in counts.items()
        ],
    )
