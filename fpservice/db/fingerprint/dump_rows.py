"""Rows that bring keys of their own, as dumps have them: written whole, the last one wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, exc, or_
from sqlalchemy import insert as plain_insert

from fpservice.db.dialect import insert, reserve_ids, skip_used_ids
from fpservice.db.fingerprint import tables

Row = dict[str, Any]
_Key = tuple[Any, ...]

# Links are known by their pair: the ids of their rows differ from one dump to the next.
_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "track": ("id",),
    "meta": ("id",),
    "fingerprint": ("id",),
    "track_fingerprint": ("track_id", "fingerprint_id"),
    "track_mbid": ("track_id", "mbid"),
    "track_puid": ("track_id", "puid"),
    "track_meta": ("track_id", "meta_id"),
}


@dataclass(frozen=True, slots=True)
class Written:
    """What became of rows: how many were new or different, and which the database refused.

    ``refused`` maps the position of a row in the batch to the reason.
    """

    changed: int
    refused: dict[int, str]


def write_rows(
    connection: Connection, table_name: str, rows: Sequence[Row], *, queue_changes: bool
) -> Written:
    """Insert rows or replace those with the same key; of equal keys the last row counts.

    A row without ``created`` keeps that of the row it replaces. With ``queue_changes`` the index
    will be told of each fingerprint that is new or different, by this same transaction.
    """
    writer = _Writer(connection, table_name)
    # One statement must not touch a row twice: PostgreSQL refuses it.
    last = {writer.key(row): number for number, row in enumerate(rows)}
    for with_created in (True, False):
        numbers = [n for n in last.values() if ("created" in rows[n]) is with_created]
        writer.write([(n, rows[n]) for n in numbers])
    if queue_changes and table_name == "fingerprint" and writer.changed:
        changes = [{"fingerprint_id": key[0], "deleted": False} for key in writer.changed]
        connection.execute(plain_insert(tables.index_change), changes)
    if writer.changed and _KEYS[table_name] == ("id",):
        skip_used_ids(connection, writer.table)
    return Written(len(writer.changed), writer.refused)


class _Writer:
    """Writes rows of one table, and finds those that the database refuses by halving."""

    def __init__(self, connection: Connection, table_name: str) -> None:
        self.table: Table = tables.metadata.tables[table_name]
        self.changed: list[_Key] = []
        self.refused: dict[int, str] = {}
        self._connection = connection
        self._key_columns = _KEYS[table_name]

    def key(self, row: Row) -> _Key:
        return tuple(row[name] for name in self._key_columns)

    def write(self, numbered: Sequence[tuple[int, Row]]) -> None:
        if not numbered:
            return
        try:
            with self._connection.begin_nested():
                self._upsert([row for _, row in numbered])
        except (exc.IntegrityError, exc.DataError) as error:
            self._narrow(numbered, error)

    def _narrow(self, numbered: Sequence[tuple[int, Row]], error: exc.DBAPIError) -> None:
        if len(numbered) == 1:
            self.refused[numbered[0][0]] = str(error.orig).strip()
            return
        middle = len(numbered) // 2
        self.write(numbered[:middle])
        self.write(numbered[middle:])

    def _upsert(self, rows: list[Row]) -> None:
        table, statement = self.table, insert(self._connection, self.table)
        given = [name for name in rows[0] if name not in self._key_columns]
        new = {name: statement.excluded[name] for name in given}
        statement = statement.on_conflict_do_update(
            index_elements=[table.c[name] for name in self._key_columns],
            set_=new,
            # What is equal is left alone: no dead rows, and nothing for the index to do.
            where=or_(*(table.c[name].is_distinct_from(value) for name, value in new.items())),
        ).returning(*(table.c[name] for name in self._key_columns))
        changed = self._connection.execute(statement, rows).all()
        self.changed.extend(tuple(row) for row in changed)


def reserve_dump_ids(connection: Connection, number: int) -> None:
    """Leave ids free above those of the dump, in the tables whose ids come with it."""
    for table in (tables.track, tables.meta, tables.fingerprint):
        reserve_ids(connection, table, number)
