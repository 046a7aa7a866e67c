"""Rows that bring keys of their own, as dumps have them: written whole, the last one wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg2
from sqlalchemy import Connection, Table, column, exc, or_, select, text
from sqlalchemy import insert as plain_insert
from sqlalchemy import table as sql_table

from fpservice.db.copying import NOT_COPIED, copy_in
from fpservice.db.dialect import insert, reserve_ids, skip_used_ids
from fpservice.db.fingerprint import tables

Row = dict[str, Any]
_Key = tuple[Any, ...]
# Fewer rows than this are written sooner by statements.
_WORTH_A_COPY: Final = 20

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
        if numbered and not self._copied([row for _, row in numbered]):
            self._insert(numbered)

    def _copied(self, rows: list[Row]) -> bool:
        """Write rows by COPY, where there is one; False if a row, or anything else, is wrong."""
        if self._connection.dialect.name != "postgresql" or len(rows) < _WORTH_A_COPY:
            return False
        names = list(rows[0])
        try:
            with self._connection.begin_nested():
                incoming = copy_in(self._connection, self.table, names, rows)
                columns: list[Any] = [column(name) for name in names]
                source = select(*columns).select_from(sql_table(incoming))
                statement = insert(self._connection, self.table).from_select(names, source)
                changed = self._connection.execute(self._or_update(statement, names)).all()
                self._connection.execute(text(f"DROP TABLE {incoming}"))
        except (psycopg2.Error, exc.DBAPIError, *NOT_COPIED):
            return False
        self.changed.extend(tuple(row) for row in changed)
        return True

    def _insert(self, numbered: Sequence[tuple[int, Row]]) -> None:
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
        self._insert(numbered[:middle])
        self._insert(numbered[middle:])

    def _upsert(self, rows: list[Row]) -> None:
        statement = self._or_update(insert(self._connection, self.table), rows[0])
        changed = self._connection.execute(statement, rows).all()
        self.changed.extend(tuple(row) for row in changed)

    def _or_update(self, statement: Any, names: Iterable[str]) -> Any:
        """Return an INSERT that replaces what is different, and returns the keys of what changed.

        What is equal is left alone: no dead rows, and nothing for the index to do.
        """
        table = self.table
        given = [name for name in names if name not in self._key_columns]
        new = {name: statement.excluded[name] for name in given}
        return statement.on_conflict_do_update(
            index_elements=[table.c[name] for name in self._key_columns],
            set_=new,
            where=or_(*(table.c[name].is_distinct_from(value) for name, value in new.items())),
        ).returning(*(table.c[name] for name in self._key_columns))


def reserve_dump_ids(connection: Connection, number: int) -> None:
    """Leave ids free above those of the dump, in the tables whose ids come with it."""
    for table in (tables.track, tables.meta, tables.fingerprint):
        reserve_ids(connection, table, number)
