"""The main job through PgBouncer, which gives two connections to all who want one, by transactions.

Whoever kept something in a session would find it gone, or leave it to others.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import requests
from sqlalchemy import make_url

from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError
from tests.installation import APPLICATION_KEY, USER_KEY, Installation, environment, install
from tests.installation import fresh_fingerprint as fingerprint
from tests.served import Served
from tests.services import DatabaseUrls, PgBouncerServer, PostgresServer, postgres_urls
from tests.services.pgbouncer import POOL_SIZE

DATASET = Path(__file__).parents[1] / "conformance_data" / "dataset"
SECTIONS = ("", "_FINGERPRINT", "_INGEST", "_MUSICBRAINZ")
# In the part of MusicBrainz that tests have.
MBID = "98955d91-27fc-4a6c-baf9-8cdb87491814"
TITLE = "Miss You"
# What may be left in a session.
LEFT = """
SELECT (SELECT count(*) FROM pg_prepared_statements),
       (SELECT count(*) FROM pg_listening_channels()),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
       (SELECT count(*) FROM pg_settings WHERE source = 'session'),
       (SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'),
       pg_backend_pid()
"""


@pytest.fixture(scope="module")
def bouncer(postgres_server: PostgresServer) -> Iterator[PgBouncerServer]:
    server = PgBouncerServer.start(postgres_server.url)
    yield server
    server.stop()


@pytest.fixture
def pooled(
    postgres_server: PostgresServer, bouncer: PgBouncerServer, musicbrainz_url: str
) -> Iterator[DatabaseUrls]:
    """The databases by way of PgBouncer, empty and without tables."""
    made = postgres_urls(postgres_server)
    yield bouncer.urls(replace(made, musicbrainz=musicbrainz_url))
    for url in (*made.own, made.musicbrainz or ""):
        postgres_server.drop_database(url)


@pytest.fixture
def variables(pooled: DatabaseUrls, tmp_path: Path) -> dict[str, str]:
    poolers = {f"ACOUSTID_DATABASE{section}_POOLER": "true" for section in SECTIONS}
    names = {"ACOUSTID_DATABASE_MUSICBRAINZ_URL": pooled.musicbrainz or ""}
    return {**environment(pooled, tmp_path), **poolers, **names}


@pytest.fixture
def migrated(variables: dict[str, str], tmp_path: Path) -> None:
    command(variables, tmp_path, "db", "upgrade")


@pytest.fixture
def installed(variables: dict[str, str], migrated: None) -> Iterator[Installation]:
    installation = install(variables)
    yield installation
    installation.close()


def command(variables: dict[str, str], folder: Path, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, "-m", "fpservice.cli", *arguments],
        env=variables,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def eventually(check: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)


def form(seed: int) -> dict[str, Any]:
    return {"duration": 30, "fingerprint": fingerprint(seed)}


def sessions(url: str) -> dict[int, tuple[int, ...]]:
    """Return what is left in each of the connections to a database, by their processes."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with ExitStack() as opened:
        # All at once, each in a transaction, so that each has another one.
        rows = []
        for _ in range(POOL_SIZE):
            connection = opened.enter_context(closing(psycopg2.connect(dsn, connect_timeout=10)))
            cursor = opened.enter_context(connection.cursor())
            cursor.execute(LEFT)
            rows += cursor.fetchall()
    return {row[-1]: row[:-1] for row in rows}


def assert_nothing_is_left(urls: DatabaseUrls) -> None:
    for url in (*urls.own, urls.musicbrainz or ""):
        left = sessions(url)
        assert len(left) == POOL_SIZE
        assert set(left.values()) == {(0, 0, 0, 0, 0)}, url


def test_what_is_left_in_a_session_is_seen(pooled: DatabaseUrls) -> None:
    dsn = make_url(pooled.app).set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("PREPARE left_behind AS SELECT 1; SET statement_timeout = 1000")
    assert (1, 0, 0, 1, 0) in sessions(pooled.app).values()


def test_the_main_job(installed: Installation, pooled: DatabaseUrls) -> None:
    ids = installed.submit(**form(1), mbid=MBID) + installed.submit(**form(2), mbid=MBID)
    installed.import_all()
    assert [one["status"] for one in installed.status(*ids)] == ["imported"] * 2
    [found] = installed.call("/v2/lookup", **form(1), meta="recordings")["results"]
    assert [(one["id"], one["title"]) for one in found["recordings"]] == [(MBID, TITLE)]
    assert installed.client.get("/_health").status_code == 200
    assert_nothing_is_left(pooled)


def test_many_at_once_share_the_connections(
    installed: Installation, variables: dict[str, str], pooled: DatabaseUrls
) -> None:
    def call(path: str, **more: Any) -> dict[str, Any]:
        data = {"client": APPLICATION_KEY, **more}
        answer = requests.post(f"{served.url}/v2/{path}", data=data, timeout=30).json()
        assert answer["status"] == "ok", answer
        return dict(answer)

    def submit(seed: int) -> None:
        call("submit", user=USER_KEY, mbid=MBID, **form(seed))

    def submit_another_and_look_up(seed: int) -> None:
        submit(seed + 1000)
        [result] = call("lookup", meta="recordings", **form(seed))["results"]
        assert [one["title"] for one in result["recordings"]] == [TITLE]

    seeds = range(100, 160)
    with Served.start(variables) as served, ThreadPoolExecutor(16) as pool:
        list(pool.map(submit, seeds))
        waited_for = installed.services.submission
        eventually(lambda: not waited_for.pending())
        # All that is imported is found a second later.
        time.sleep(1)
        list(pool.map(submit_another_and_look_up, seeds))
        assert requests.get(f"{served.url}/_health", timeout=5).status_code == 200
    assert_nothing_is_left(pooled)


def test_a_dump_comes_in_by_copy(
    variables: dict[str, str], migrated: None, pooled: DatabaseUrls, tmp_path: Path
) -> None:
    said = command(variables, tmp_path, "import-dump", "--index-at-end", str(DATASET))
    assert "136 fingerprints are in the new index" in said
    command(variables, tmp_path, "index", "verify")
    assert_nothing_is_left(pooled)


def test_settings_of_a_session_are_refused(pooled: DatabaseUrls) -> None:
    database = Database("app", open_engine(pooled.app))
    with pytest.raises(DatabaseUnavailableError), database.reading():
        pass
    database.close()
