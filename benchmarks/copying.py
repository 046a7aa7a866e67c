"""Fills the databases of PostgreSQL with COPY, which is many times as fast as INSERT."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager

import psycopg2
from psycopg2 import extensions
from sqlalchemy import make_url

from benchmarks.installation import recording_mbid, track_gid
from fpservice.domain.fingerprint import to_bytes
from fpservice.interfaces import StoredFingerprint

Rows = Iterable[Sequence[object]]
_TIMEOUT = 10


@contextmanager
def connected(url: str) -> Iterator[extensions.cursor]:
    """Yield a cursor of a transaction that is committed at the end; ``url`` is SQLAlchemy's."""
    with closing(_connect(url)) as connection, connection, connection.cursor() as cursor:
        yield cursor


def vacuum(url: str) -> None:
    """Do at once what PostgreSQL would do later by itself, while something is measured."""
    with closing(_connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (FREEZE, ANALYZE)")


def _connect(url: str) -> extensions.connection:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg2.connect(dsn, connect_timeout=_TIMEOUT)


def copy(cursor: extensions.cursor, table: str, columns: str, rows: Rows) -> None:
    """Copy rows of values without tabs, line breaks and backslashes; None is NULL."""
    lines = ("\t".join("\\N" if value is None else str(value) for value in row) for row in rows)
    text = io.StringIO("".join(f"{line}\n" for line in lines))
    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", text)


def fill(url: str, batches: Iterable[Sequence[StoredFingerprint]]) -> None:
    """Fill the database ``fingerprint`` as :func:`benchmarks.installation.fill` does."""
    with connected(url) as cursor:
        for batch in batches:
            _copy_batch(cursor, batch)
        for table in ("fingerprint", "track", "track_mbid"):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table}"
            )


def copy_fingerprints(cursor: extensions.cursor, batch: Sequence[StoredFingerprint]) -> None:
    """Copy fingerprints without tracks."""
    rows = ((one.id, rf"\\x{to_bytes(one.hashes).hex()}", one.duration) for one in batch)
    copy(cursor, "fingerprint", "id, hashes, length", rows)


def _copy_batch(cursor: extensions.cursor, batch: Sequence[StoredFingerprint]) -> None:
    ids = [one.id for one in batch]
    copy_fingerprints(cursor, batch)
    copy(cursor, "track", "id, gid", ((id, track_gid(id)) for id in ids))
    links = [(id, id, 1) for id in ids]
    copy(cursor, "track_fingerprint", "track_id, fingerprint_id, submission_count", links)
    mbids = ((id, recording_mbid(id), 1) for id in ids)
    copy(cursor, "track_mbid", "track_id, mbid, submission_count", mbids)
