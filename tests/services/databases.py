"""The service's databases, on SQLite or on PostgreSQL, and how to empty them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import extensions, sql
from sqlalchemy import make_url

from tests.services.postgres import PostgresServer

# Tables whose rows the migrations write, and which tests never change.
KEPT_TABLES = frozenset(
    {"alembic_version_app", "alembic_version_fingerprint", "alembic_version_ingest"}
)


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """SQLAlchemy URLs, one database each; ``backend`` is "sqlite" or "postgresql".

    ``musicbrainz`` is None on SQLite: a copy of MusicBrainz is a PostgreSQL database.
    """

    backend: str
    app: str
    fingerprint: str
    ingest: str
    musicbrainz: str | None = None

    @property
    def own(self) -> tuple[str, str, str]:
        """The URLs of the three databases that belong to the service."""
        return self.app, self.fingerprint, self.ingest

    def empty(self) -> None:
        """Remove the rows that tests wrote; see :func:`empty`."""
        for url in (*self.own, self.musicbrainz):
            if url is not None:
                empty(url)


def sqlite_urls(directory: Path) -> DatabaseUrls:
    """Name three SQLite files in the directory; they appear when first opened."""
    app, fingerprint, ingest = (
        f"sqlite:///{directory / name}.sqlite" for name in ("app", "fingerprint", "ingest")
    )
    return DatabaseUrls("sqlite", app, fingerprint, ingest)


def postgres_urls(server: PostgresServer) -> DatabaseUrls:
    """Create four separate databases, so that a query to the wrong one fails."""
    app, fingerprint, ingest, musicbrainz = (
        server.create_database(name) for name in ("app", "fingerprint", "ingest", "musicbrainz")
    )
    return DatabaseUrls("postgresql", app, fingerprint, ingest, musicbrainz)


def empty(url: str, kept: frozenset[str] = KEPT_TABLES) -> None:
    """Delete the rows of every table but ``kept``, and let generated ids begin anew.

    Fails after 10 s if a test left a transaction open that holds a lock.
    """
    if make_url(url).get_backend_name() == "sqlite":
        _empty_sqlite(url, kept)
    else:
        _empty_postgres(url, kept)


def _empty_sqlite(url: str, kept: frozenset[str]) -> None:
    path = make_url(url).database
    if path is None or not Path(path).exists():
        return
    with closing(sqlite3.connect(path, timeout=10)) as connection, connection:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        names = {name for (name,) in rows}
        for name in names - kept:
            # sqlite_sequence holds the generated ids; SQLite's other own tables are statistics.
            if not name.startswith("sqlite_") or name == "sqlite_sequence":
                connection.execute(f'DELETE FROM "{name}"')


def _empty_postgres(url: str, kept: frozenset[str]) -> None:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        closing(psycopg2.connect(dsn, connect_timeout=10)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SET lock_timeout = '10s'")
        tables = _filled_tables(cursor, kept)
        if tables:
            cursor.execute(sql.SQL("TRUNCATE {} CASCADE").format(sql.SQL(", ").join(tables)))
        for sequence in _used_sequences(cursor):
            cursor.execute(sql.SQL("ALTER SEQUENCE {} RESTART").format(sequence))


def _filled_tables(cursor: extensions.cursor, kept: frozenset[str]) -> list[sql.Identifier]:
    """Return the tables that have rows: a TRUNCATE costs milliseconds, a look almost nothing."""
    cursor.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
    )
    tables = [row for row in cursor.fetchall() if row[1] not in kept]
    if not tables:
        return []
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(
            sql.Literal(number), sql.Identifier(*table)
        )
        for number, table in enumerate(tables)
    ]
    cursor.execute(sql.SQL(" UNION ALL ").join(looks))
    return [sql.Identifier(*tables[number]) for (number,) in cursor.fetchall()]


def _used_sequences(cursor: extensions.cursor) -> list[sql.Identifier]:
    cursor.execute("SELECT schemaname, sequencename FROM pg_sequences WHERE last_value IS NOT NULL")
    return [sql.Identifier(*row) for row in cursor.fetchall()]
