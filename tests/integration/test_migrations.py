"""The migrations make the tables that the code expects, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import insert, inspect, select, text

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.fingerprint.tables import track_mbid
from fpservice.db.migrations import SchemaState
from fpservice.db.transaction import Database
from tests.installation import environment
from tests.served import Served
from tests.services import DatabaseUrls, PostgresServer, postgres_urls, sqlite_urls
from tests.shapes import migrate

MBID = uuid.UUID(int=0xA1)


@pytest.mark.parametrize("name", ["app", "fingerprint", "ingest"])
def test_migrated_tables_are_the_declared_ones(database_urls: DatabaseUrls, name: str) -> None:
    database = Database(name, open_engine(getattr(database_urls, name)))
    version_table = f"alembic_version_{name}"
    with database.reading() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "version_table": version_table}
        )
        assert compare_metadata(context, migrations.METADATA[name]) == []
    assert migrations.is_current(database)
    database.close()


@pytest.mark.parametrize("name", ["app", "fingerprint", "ingest"])
def test_upgrading_again_changes_nothing(database_urls: DatabaseUrls, name: str) -> None:
    database = Database(name, open_engine(getattr(database_urls, name)))
    migrations.upgrade(database)
    assert migrations.is_current(database)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseUrls]:
    """Databases of the version before links had a history, with a link."""
    if request.param == "sqlite":
        yield _without_history(migrate(sqlite_urls(tmp_path / "databases")))
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    urls = migrate(postgres_urls(server))
    yield _without_history(urls)
    for url in (*urls.own, urls.musicbrainz):
        assert url is not None
        server.drop_database(url)


def _without_history(urls: DatabaseUrls) -> DatabaseUrls:
    database = Database("fingerprint", open_engine(urls.fingerprint))
    with database.writing() as connection:
        config = migrations._config("fingerprint", connection)
        command.downgrade(config, "fingerprint_0002")
        row = {"track_id": 1, "mbid": MBID, "submission_count": 3, "disabled": True}
        connection.execute(insert(track_mbid), row)
    assert migrations.schema_state(database) is SchemaState.BEHIND
    database.close()
    return urls


def test_an_older_database_is_upgraded_beside_those_who_use_it(
    older: DatabaseUrls, tmp_path: Path
) -> None:
    database = Database("fingerprint", open_engine(older.fingerprint))
    if older.backend == "postgresql":
        # Not a table that is there is locked: somebody may be writing to all of them.
        with database.writing() as connection:
            for name in inspect(connection).get_table_names():
                if not name.startswith("alembic_version"):
                    connection.execute(text(f"LOCK TABLE {name} IN ROW EXCLUSIVE MODE"))
            _upgrade(older, tmp_path)
    else:
        _upgrade(older, tmp_path)
    assert migrations.is_current(database)
    with database.reading() as connection:
        assert "track_mbid_change" in inspect(connection).get_table_names()
        rows = connection.execute(select(track_mbid.c.submission_count, track_mbid.c.disabled))
        assert rows.all() == [(3, True)]
    database.close()


def test_a_server_upgrades_an_older_database(older: DatabaseUrls, tmp_path: Path) -> None:
    with Served.start(environment(older, tmp_path), "--no-demo"):
        database = Database("fingerprint", open_engine(older.fingerprint))
        assert migrations.is_current(database)
        database.close()


def _upgrade(urls: DatabaseUrls, data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fpservice.cli", "db", "upgrade"],
        env={**os.environ, **environment(urls, data)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "database fingerprint: up to date" in done.stdout
