"""A MusicBrainz of synthetic recordings: one for each synthetic track, each on two releases."""

from __future__ import annotations

from typing import Any, Final

from psycopg2 import extensions
from sqlalchemy import Column, MetaData, Table, create_engine
from sqlalchemy.schema import CreateSchema

from benchmarks.copying import connected, copy
from benchmarks.installation import recording_mbid
from fpservice.db.musicbrainz import tables

SCHEMA: Final = "musicbrainz"
_BATCH: Final = 20_000
# Tracks of a release; two releases in three have one artist for all of them.
_TRACKS: Final = 12
_RECORDINGS_OF_ARTIST: Final = 30
# Unique ones first. MusicBrainz has these and more.
_INDEXES: Final = (
    ("UNIQUE INDEX", "recording", "gid"),
    ("UNIQUE INDEX", "release", "gid"),
    ("UNIQUE INDEX", "release_group", "gid"),
    ("UNIQUE INDEX", "artist", "gid"),
    ("UNIQUE INDEX", "track", "gid"),
    ("INDEX", "recording", "artist_credit"),
    ("INDEX", "recording_gid_redirect", "new_id"),
    ("INDEX", "isrc", "recording"),
    ("INDEX", "track", "recording"),
    ("INDEX", "track", "medium, position"),
    ("INDEX", "medium", "release, position"),
    ("INDEX", "release", "release_group"),
    ("INDEX", "iso_3166_1", "area"),
)
# What follows from the recordings; {n} of them, {a} artists, {r} releases. The second half of the
# releases repeats the first one's tracks.
_STATEMENTS: Final = (
    "INSERT INTO artist (id, gid, name, sort_name)"
    " SELECT i, md5('artist' || i)::uuid, 'Artist ' || i, 'Artist ' || i"
    " FROM generate_series(1, {a}) i",
    "INSERT INTO artist_credit_name (artist_credit, position, artist, name, join_phrase)"
    " SELECT i, 0, i, 'Artist ' || i, CASE WHEN i % 5 = 0 THEN ' feat. ' ELSE '' END"
    " FROM generate_series(1, {a}) i",
    "INSERT INTO artist_credit_name (artist_credit, position, artist, name, join_phrase)"
    " SELECT i, 1, 1 + i % {a}, 'Artist ' || 1 + i % {a}, ''"
    " FROM generate_series(5, {a}, 5) i",
    "INSERT INTO release_group_primary_type (id, name) VALUES (1, 'Album'), (2, 'Single')",
    "INSERT INTO medium_format (id, name) VALUES (1, 'CD'), (12, 'Digital Media')",
    "INSERT INTO iso_3166_1 (area, code) VALUES (81, 'DE'), (221, 'GB'), (222, 'US')",
    "INSERT INTO release_group (id, gid, name, artist_credit, type)"
    " SELECT i, md5('group' || i)::uuid, 'Album ' || i, 1 + i % {a}, 1 + (i % 4 = 0)::int"
    " FROM generate_series(1, {r}) i",
    "INSERT INTO release (id, gid, name, artist_credit, release_group)"
    " SELECT i, md5('release' || i)::uuid, 'Album ' || 1 + i % {r}, 1 + i % {a}, 1 + i % {r}"
    " FROM generate_series(1, 2 * {r}) i",
    "INSERT INTO release_country (release, country, date_year, date_month, date_day)"
    " SELECT i, (ARRAY[81, 221, 222])[1 + i % 3], 1970 + i % 50, 1 + i % 12, 1 + i % 28"
    " FROM generate_series(1, 2 * {r}) i",
    "INSERT INTO medium (id, release, position, format, name, track_count)"
    " SELECT i, i, 1, (ARRAY[1, 12])[1 + i % 2], '', {t} FROM generate_series(1, 2 * {r}) i",
    "INSERT INTO track (id, gid, recording, medium, position, number, name, artist_credit, length)"
    " SELECT r.id + half * {n}, md5('track' || r.id + half * {n})::uuid, r.id,"
    " 1 + (r.id - 1) / {t} + half * {r}, 1 + (r.id - 1) % {t}, (1 + (r.id - 1) % {t})::text,"
    " r.name, r.artist_credit, r.length"
    " FROM recording r, generate_series(0, 1) half",
    "INSERT INTO isrc (id, recording, isrc)"
    " SELECT id, id, 'XX' || lpad(id::text, 10, '0') FROM recording WHERE id % 3 = 0",
)


def fill(url: str, size: int) -> None:
    """Make, in an empty database, what lookups read of MusicBrainz, for ``size`` tracks."""
    _make_tables(url)
    with connected(url) as cursor:
        cursor.execute(f"SET search_path TO {SCHEMA}")
        artists, releases = -(-size // _RECORDINGS_OF_ARTIST), -(-size // _TRACKS)
        for first in range(1, size + 1, _BATCH):
            _copy_recordings(cursor, range(first, min(first + _BATCH, size + 1)), artists)
        for statement in _STATEMENTS:
            cursor.execute(statement.format(n=size, a=artists, r=releases, t=_TRACKS))
        for kind, table, columns in _INDEXES:
            cursor.execute(f"CREATE {kind} ON {table} ({columns})")


def _copy_recordings(cursor: extensions.cursor, ids: range, artists: int) -> None:
    rows = (
        (id, recording_mbid(id), f"Recording {id}", 1 + id % artists, 1000 * (150 + id % 200))
        for id in ids
    )
    copy(cursor, "recording", "id, gid, name, artist_credit, length", rows)


def _make_tables(url: str) -> None:
    metadata = MetaData(schema=SCHEMA)
    for known in vars(tables).values():
        if isinstance(known, Table):
            Table(known.name, metadata, *(_column(one) for one in known.columns))
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(CreateSchema(SCHEMA))
            metadata.create_all(connection)
    finally:
        engine.dispose()


def _column(known: Column[Any]) -> Column[Any]:
    """Return the column without what it refers to, and with NULLs let in where none is a key."""
    return Column(
        known.name, known.type, primary_key=known.primary_key, nullable=not known.primary_key
    )
