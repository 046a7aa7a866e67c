"""Lookups read the replica, never miss what it has not got yet, and do without it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from tests.installation import Installation, environment, install, recordings
from tests.services import DatabaseUrls

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
