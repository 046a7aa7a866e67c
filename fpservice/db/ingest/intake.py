"""Storing submissions, the one write that clients wait for.

On the driver itself, as the quick statements of lookups (``db/quick.py``): composing and wrapping
two statements takes SQLAlchemy 600 µs, the rest of a request 450. PostgreSQL gets one statement.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Dialect

from fpservice.db.ingest.tables import pending_submission, submission
from fpservice.db.quick import QuickConnection
from fpservice.domain.fingerprint import to_bytes
from fpservice.domain.submission import State, Submission

_TABLE: Final = submission.c
_COLUMNS: Final = (
    *(_TABLE.state, _TABLE.account_id, _TABLE.application_id, _TABLE.application_version),
    *(_TABLE.hashes, _TABLE.length, _TABLE.bitrate, _TABLE.format),
    *(_TABLE.mbid, _TABLE.puid, _TABLE.foreignid),
    *(_TABLE.track, _TABLE.artist, _TABLE.album, _TABLE.album_artist),
    *(_TABLE.track_no, _TABLE.disc_no, _TABLE.year),
)
_NAMES: Final = ", ".join(column.name for column in _COLUMNS)
_WAITING: Final = f"INSERT INTO {pending_submission.name} (submission_id)"
_IN_FILES: Final = (
    f"INSERT INTO {submission.name} ({_NAMES})"  # noqa: S608
    f" VALUES ({', '.join('?' * len(_COLUMNS))})"
)
# How many a statement stores at most: each has a time limit.
_PAGE: Final = 100
Row = tuple[Any, ...]


def add_submissions(connection: QuickConnection, contents: Sequence[Submission]) -> list[int]:
    """Insert submissions and their places in the outbox; return their ids in the same order.

    Call it in a transaction.

    Raises:
        psycopg2.Error, sqlite3.Error: what the driver raises.
    """
    if not contents:
        return []
    add = _add_to_file if connection.dialect.name == "sqlite" else _add_to_server
    cursor = connection.driver.cursor()
    try:
        return add(cursor, connection.dialect, contents)
    finally:
        cursor.close()


def _add_to_file(cursor: Any, _: Dialect, contents: Sequence[Submission]) -> list[int]:
    ids: list[int] = []
    for one in contents:
        # SQLite has no UUIDs: SQLAlchemy stores their digits.
        cursor.execute(_IN_FILES, _values(one, lambda value: value.hex))
        ids.append(cursor.lastrowid)
    cursor.executemany(f"{_WAITING} VALUES (?)", [(id,) for id in ids])
    return ids


def _add_to_server(cursor: Any, dialect: Dialect, contents: Sequence[Submission]) -> list[int]:
    ids: list[int] = []
    for first in range(0, len(contents), _PAGE):
        page = contents[first : first + _PAGE]
        numbered = ((number, *_values(one, str)) for number, one in enumerate(page))
        values = [value for row in numbered for value in row]
        cursor.execute(_on_server(dialect, len(page)), values)
        ids += [id for (id,) in cursor.fetchall()]
    return ids


@lru_cache(_PAGE)
def _on_server(dialect: Dialect, number: int) -> str:
    """Return the statement for so many submissions.

    Rows get their ids after they are sorted, so that the ids have the order of the submissions.
    """
    kinds = [column.type.compile(dialect=dialect) for column in _COLUMNS]
    row = f"(%s, {', '.join(f'CAST(%s AS {kind})' for kind in kinds)})"
    return (
        f"WITH given (number, {_NAMES}) AS (VALUES {', '.join([row] * number)}),"  # noqa: S608
        f" stored AS (INSERT INTO {submission.name} ({_NAMES})"
        f" SELECT {_NAMES} FROM given ORDER BY number RETURNING id),"
        f" waiting AS ({_WAITING} SELECT id FROM stored)"
        f" SELECT id FROM stored ORDER BY id"
    )


def _values(one: Submission, as_text: Callable[[uuid.UUID], str]) -> Row:
    """Return what the columns get."""
    text = one.text
    return (
        *(State.PENDING.value, one.account_id, one.application_id, one.application_version),
        *(to_bytes(one.hashes), one.duration, one.bitrate, one.format),
        as_text(one.mbid) if one.mbid else None,
        as_text(one.puid) if one.puid else None,
        *(one.foreignid, text.track, text.artist, text.album, text.album_artist),
        *(text.track_no, text.disc_no, text.year),
    )
