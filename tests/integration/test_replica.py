"""Lookups read the replica, never miss what it has not got yet, and do without it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import event, insert

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.fingerprint.fingerprints import NewFingerprint, add_fingerprints
from fpservice.db.fingerprint.tables import fingerprint
from fpservice.db.transaction import Database
from fpservice.domain.fingerprint import to_bytes
from fpservice.index.database_source import DatabaseSource
from tests.installation import APPLICATION_KEY, Installation, environment, install, recordings
from tests.services import DatabaseUrls, PostgresServer

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"


def song(number: int) -> dict[str, object]:
    one = recordings()[number]
    return {"duration": one["duration"], "fingerprint": one["fingerprint"]}


@pytest.fixture
def with_late_replica(databases: DatabaseUrls, tmp_path: Path) -> Iterator[Installation]:
    """A replica that has the tables and is behind by everything."""
    url = f"sqlite:///{tmp_path / 'replica.db'}"
    replica = Database("fingerprint", open_engine(url))
    migrations.upgrade(replica)
    replica.close()
    variables = environment(databases, tmp_path)
    installed = install({**variables, "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": url})
    yield installed
    installed.parts.close()


def test_what_a_late_replica_lacks_is_found_all_the_same(with_late_replica: Installation) -> None:
    with_late_replica.submit(**song(0), mbid=MBID)
    with_late_replica.import_all()
    [found] = with_late_replica.call("/v2/lookup", **song(0))["results"]
    [by_id] = with_late_replica.call("/v2/lookup", trackid=found["id"])["results"]
    assert by_id["id"] == found["id"]


def test_an_external_index_reads_the_replica_and_what_that_lacks(
    databases: DatabaseUrls, tmp_path: Path
) -> None:
    """The first fingerprint is in both, the second one in the database alone."""
    url = f"sqlite:///{tmp_path / 'replica.db'}"
    with (
        closing(Database("fingerprint", open_engine(url))) as replica,
        closing(Database("fingerprint", open_engine(databases.fingerprint), replica.engine)) as own,
    ):
        migrations.upgrade(replica)
        known, late = (_new(number) for number in (0, 1))
        with own.writing() as connection:
            ids = add_fingerprints(connection, [known, late])
        with replica.writing() as connection:
            connection.execute(insert(fingerprint).values(id=ids[0], **_values(known)))
        source = DatabaseSource(own)
        asked: list[object] = []
        event.listen(own.engine, "checkout", lambda *connection: asked.append(connection))
        assert [one.id for one in source.fetch(ids[:1])] == ids[:1]
        # Of another duration, which is no reason to ask the database itself.
        assert source.fetch_within(ids[:1], 1, 2) == []
        assert asked == []
        assert [one.id for one in source.fetch([ids[1], ids[0], 10**9])] == [ids[1], ids[0]]
        assert len(source.fetch_within(ids, 1, 10**6)) == len(ids)


def _new(number: int) -> NewFingerprint:
    return NewFingerprint(np.full(100, number, dtype=np.uint32), 100 + number)


def _values(one: NewFingerprint) -> dict[str, object]:
    return {"hashes": to_bytes(one.hashes), "length": one.duration}


def test_a_replica_that_is_up_to_date_is_all_that_lookups_read(
    databases: DatabaseUrls, tmp_path: Path
) -> None:
    variables = environment(databases, tmp_path)
    installed = install(
        {**variables, "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": databases.fingerprint}
    )
    installed.submit(**song(0), mbid=MBID)
    installed.import_all()
    used: list[object] = []
    own = installed.parts.databases.fingerprint.engine
    event.listen(own, "checkout", lambda *connection: used.append(connection))
    [found] = installed.call("/v2/lookup", **song(0), meta="recordingids")["results"]
    assert found["recordings"] == [{"id": MBID}]
    assert used == []
    installed.parts.close()


def test_a_replica_that_is_gone_is_done_without(databases: DatabaseUrls, tmp_path: Path) -> None:
    gone = "postgresql+psycopg2://nobody@127.0.0.1:9/nothing"
    variables = environment(databases, tmp_path)
    installed = install({**variables, "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": gone})
    installed.submit(**song(0), mbid=MBID)
    installed.import_all()
    [found] = installed.call("/v2/lookup", **song(0), meta="recordingids")["results"]
    assert found["recordings"] == [{"id": MBID}]
    installed.parts.close()


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, which it may stop."""
    server = PostgresServer.start()
    yield server
    server.stop()


def test_a_replica_that_hangs_is_left_alone(
    databases: DatabaseUrls, tmp_path: Path, own_server: PostgresServer
) -> None:
    url = own_server.create_database("replica")
    with closing(Database("fingerprint", open_engine(url))) as replica:
        migrations.upgrade(replica)
    variables = environment(databases, tmp_path) | {
        "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": url,
        "ACOUSTID_DATABASE_FINGERPRINT_STATEMENT_TIMEOUT": "0.2",
    }
    installed = install(variables)
    installed.submit(**song(0), mbid=MBID)
    installed.import_all()
    form = {"client": APPLICATION_KEY, **song(0)}
    assert installed.client.post("/v2/lookup", data=form).status_code == 200
    with own_server.hanging():
        # Where its connection is looked at first, there may be time left for the database itself.
        assert installed.client.post("/v2/lookup", data=form).status_code in (200, 503)
        # From now on it is left alone.
        started = time.monotonic()
        assert installed.client.post("/v2/lookup", data=form).status_code == 200
        assert time.monotonic() - started < 1
    installed.parts.close()
