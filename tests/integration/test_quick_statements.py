"""What lookups ask of a database past SQLAlchemy."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import pytest
from sqlalchemy import insert, text

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.fingerprint import tables
from fpservice.db.fingerprint.found_tracks import tracks_with_links
from fpservice.db.fingerprint.links import recordings_of_tracks
from fpservice.db.fingerprint.tracks import Track, tracks_of_fingerprints
from fpservice.db.quick import QuickConnection
from fpservice.db.transaction import Database
from tests.installation import Installation
from tests.services import PostgresServer

PREPARED = "SELECT name FROM pg_prepared_statements"


def fill(database: Database, seed: int) -> None:
    """Add tracks with fingerprints and links, some of them merged, disabled or without any."""
    source = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(1, 31):
        merged_into = (
            source.randrange(1, number) if number > 1 and not source.randrange(4) else None
        )
        rows.append({"id": number, "gid": uuid.UUID(int=number), "new_id": merged_into})
    pairs = {(source.randrange(1, 31), source.randrange(1, 51)) for _ in range(60)}
    links = {(source.randrange(1, 31), uuid.UUID(int=source.randrange(8))) for _ in range(80)}
    with database.writing() as connection:
        connection.execute(insert(tables.track), rows)
        connection.execute(
            insert(tables.fingerprint),
            [{"id": number, "hashes": b"", "length": 1} for number in range(1, 61)],
        )
        connection.execute(
            insert(tables.track_fingerprint),
            [
                {"track_id": one, "fingerprint_id": other, "submission_count": 1}
                for one, other in sorted(pairs)
            ],
        )
        connection.execute(
            insert(tables.track_mbid),
            [
                {
                    "track_id": one,
                    "mbid": mbid,
                    "submission_count": source.randrange(1, 4),
                    "disabled": not source.randrange(5),
                }
                for one, mbid in sorted(links)
            ],
        )


@pytest.mark.parametrize("seed", range(5))
def test_one_round_trip_brings_what_two_would(installation: Installation, seed: int) -> None:
    database = installation.parts.databases.fingerprint
    fill(database, seed)
    for size in (1, 7, 60):
        asked = random.Random(seed + size).sample(range(1, 61), size)
        found, links = database.quickly(partial(tracks_with_links, fingerprint_ids=asked))
        assert found == database.quickly(partial(tracks_of_fingerprints, fingerprint_ids=asked))
        ids = sorted({track.id for track in found.values()})
        assert links == database.quickly(partial(recordings_of_tracks, track_ids=ids))
    assert any(links.values())


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database("quick")
    with closing(Database("fingerprint", open_engine(url))) as database:
        migrations.upgrade(database)
    yield url
    postgres_server.drop_database(url)


def quick(url: str, **options: Any) -> Database:
    return Database(
        "fingerprint", open_engine(url), quick=open_engine(url, autocommit=True, **options)
    )


def ask(database: Database, statement: str = PREPARED) -> list[Any]:
    """Return what the session of the quick connection says."""

    def read(connection: QuickConnection) -> list[Any]:
        with closing(connection.driver.cursor()) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall() if cursor.description else [])

    return database.quickly(read)


def tracks(database: Database, *ids: int) -> dict[int, Track]:
    return database.quickly(lambda connection: tracks_of_fingerprints(connection, ids))


def test_a_statement_is_prepared_once_for_any_number_of_values(url: str) -> None:
    with closing(quick(url)) as database:
        fill(database, 1)
        assert ask(database) == []
        found = [tracks(database, *range(1, number)) for number in (2, 3, 20)]
        # Tracks were merged, which takes another one.
        assert len(ask(database)) == 2
        assert found[2].items() >= found[1].items() >= found[0].items()
        assert found[2]


def test_behind_a_pooler_nothing_is_prepared(url: str) -> None:
    with closing(quick(url, pooler=True)) as pooled, closing(quick(url)) as direct:
        fill(direct, 2)
        assert tracks(pooled, *range(1, 60)) == tracks(direct, *range(1, 60)) != {}
        assert ask(pooled) == []


def test_a_plan_of_an_empty_table_is_good_for_a_full_one(url: str) -> None:
    with closing(quick(url)) as database:
        assert tracks(database, 1, 2, 3) == {}
        [(name,)] = ask(database)
        fill(database, 3)
        plan = str(ask(database, f"EXPLAIN EXECUTE {name}('{{1,2,3}}')"))
        assert "Index" in plan
        assert "Seq Scan" not in plan


def test_what_a_session_forgot_is_prepared_anew(url: str) -> None:
    with closing(quick(url)) as database:
        fill(database, 4)
        before = tracks(database, *range(1, 60))
        ask(database, "DEALLOCATE ALL")
        assert tracks(database, *range(1, 60)) == before != {}
        assert ask(database) == []
        assert tracks(database, *range(1, 60)) == before
        assert len(ask(database)) == 2


def test_a_column_may_change_its_type_meanwhile(url: str) -> None:
    with closing(quick(url)) as database:
        fill(database, 5)
        before = tracks(database, *range(1, 60))
        with database.writing() as connection:
            connection.execute(text("ALTER TABLE track ALTER COLUMN new_id TYPE numeric"))
        assert tracks(database, *range(1, 60)) == before != {}
        assert tracks(database, *range(1, 60)) == before
