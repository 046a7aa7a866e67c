"""``fpservice doctor`` on installations that are well, and on ones where something is wrong."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import nats
import pytest
from sqlalchemy import text, update

from fpservice.config import load_config
from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.ingest.tables import pending_submission
from fpservice.db.transaction import Database
from fpservice.messaging.nats_stream import keep_stream
from tests.installation import Installation, environment, fresh_fingerprint
from tests.musicbrainz_data import load_musicbrainz
from tests.services import (
    DatabaseUrls,
    NatsServer,
    PostgresServer,
    RedisServer,
    free_port,
    postgres_urls,
)

# What everything together may take, in seconds; each check has a limit of its own.
SECONDS = 30
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


class Report:
    """What the doctor said."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.status = done.returncode
        self.output = done.stdout + done.stderr
        # Shown where a test fails.
        print(self.output)
        said = json.loads(done.stdout)
        self.checks: dict[str, dict[str, Any]] = {one["name"]: one for one in said["checks"]}
        self.unused: list[str] = said["unused"]
        assert said["status"] == ("problem" if self.status else "ok")

    @property
    def problems(self) -> set[str]:
        """The names of the checks that found one; each says what to do."""
        found = {name for name, one in self.checks.items() if one["status"] != "ok"}
        assert found == {name for name, one in self.checks.items() if one["advice"]}
        return found


def run(
    variables: Mapping[str, str],
    *options: str,
    cwd: Path | None = None,
    before: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fpservice.cli", "doctor", *options],
        env={**os.environ, **variables},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        preexec_fn=before,
    )


def examine(variables: Mapping[str, str], **more: Any) -> Report:
    return Report(run(variables, "--json", **more))


@pytest.fixture
def variables(
    installation: Installation, databases: DatabaseUrls, tmp_path: Path
) -> dict[str, str]:
    """The environment of an installation in which something is imported."""
    form = {"fingerprint": fresh_fingerprint(1), "duration": 30, "track": "New"}
    installation.submit(**form)
    installation.import_all()
    return environment(databases, tmp_path)


def make_stream(url: str) -> None:
    async def make() -> None:
        client = await nats.connect(url)
        await keep_stream(client.jetstream(), load_config({"ACOUSTID_NATS_SERVERS": url}).nats)
        await client.close()

    asyncio.run(make())


def test_all_is_well(variables: dict[str, str]) -> None:
    report = examine(variables)
    assert (report.status, report.problems) == (0, set())
    assert {f"database {name}" for name in ("app", "fingerprint", "ingest")} <= set(report.checks)
    assert {"configuration", "index", "outbox", "clock", "data folder"} <= set(report.checks)
    assert "1 fingerprints of 1" in report.checks["index"]["detail"]
    assert report.unused == ["database musicbrainz", "redis", "nats"]


def test_all_servers_are_well(
    new_databases: DatabaseUrls, redis_url: str, nats_url: str, tmp_path: Path
) -> None:
    assert new_databases.musicbrainz is not None
    load_musicbrainz(new_databases.musicbrainz)
    make_stream(nats_url)
    variables = {
        **environment(new_databases, tmp_path),
        "ACOUSTID_DATABASE_MUSICBRAINZ_URL": new_databases.musicbrainz,
        "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": new_databases.fingerprint,
        "ACOUSTID_REDIS_URL": redis_url,
        "ACOUSTID_NATS_SERVERS": nats_url,
    }
    report = examine(variables)
    assert (report.status, report.problems) == (0, set())
    wanted = {"database musicbrainz", "replica of fingerprint", "redis", "nats", "clock"}
    assert wanted <= set(report.checks)
    assert report.unused == []
    assert "PostgreSQL" in report.checks["clock"]["detail"]
    refuse_secrets(report, variables)


@pytest.fixture
def new_databases(postgres_server: PostgresServer) -> Iterator[DatabaseUrls]:
    urls = postgres_urls(postgres_server)
    for name, url in zip(("app", "fingerprint", "ingest"), urls.own, strict=True):
        database = Database(name, open_engine(url))
        migrations.upgrade(database)
        database.close()
    yield urls
    for url in (*urls.own, urls.musicbrainz):
        postgres_server.drop_database(url or "")


def refuse_secrets(report: Report, variables: Mapping[str, str]) -> None:
    """No password of a URL is in what was said."""
    for name, value in variables.items():
        if name.endswith(("_URL", "_SERVERS")) and "@" in value:
            password = value.partition("://")[2].partition("@")[0].rpartition(":")[2]
            assert len(password) > 8
            assert password not in report.output


def test_the_text_says_the_same_in_words(variables: dict[str, str]) -> None:
    done = run(variables)
    assert done.returncode == 0
    assert "ok       index: embedded index" in done.stdout
    assert "unused   database musicbrainz, redis, nats: not configured" in done.stdout
    done = run({**variables, "ACOUSTID_REDIS_HOST": "127.0.0.1", "ACOUSTID_REDIS_PORT": "1"})
    assert done.returncode == 1
    assert "PROBLEM  redis: it does not answer" in done.stdout
    assert "-> start Redis, or mend what [redis] says of it" in done.stdout
    assert "1 of 10 checks found a problem" in done.stdout


def test_servers_that_are_stopped(variables: dict[str, str]) -> None:
    redis = RedisServer.start_own()
    redis.stop()
    port = free_port()
    lost = f"postgresql://someone:wordpass9@127.0.0.1:{port}/lost"
    report = examine(
        {
            **variables,
            "ACOUSTID_REDIS_URL": redis.url,
            "ACOUSTID_NATS_SERVERS": f"nats://someone:wordpass9@127.0.0.1:{port}",
            "ACOUSTID_DATABASE_URL": lost,
            "ACOUSTID_DATABASE_MUSICBRAINZ_URL": lost,
            "ACOUSTID_DATABASE_FINGERPRINT_REPLICA_URL": lost,
        }
    )
    assert report.status == 1
    servers = {"redis", "nats", "database app", "database musicbrainz", "replica of fingerprint"}
    assert servers <= report.problems <= {*servers, "clock"}
    assert str(port) in report.checks["database app"]["detail"]
    assert "[database]" in report.checks["database app"]["advice"]
    assert "wordpass9" not in report.output
    refuse_secrets(report, {"ACOUSTID_REDIS_URL": redis.url})


def test_a_wrong_password(new_databases: DatabaseUrls, tmp_path: Path) -> None:
    wrong = new_databases.ingest.replace("postgres:", "postgres:wordpass9", 1)
    report = examine(
        {**environment(new_databases, tmp_path), "ACOUSTID_DATABASE_INGEST_URL": wrong}
    )
    assert {"database ingest", "outbox"} <= report.problems
    assert "password authentication failed" in report.checks["database ingest"]["detail"]
    refuse_secrets(report, {"ACOUSTID_DATABASE_INGEST_URL": wrong})


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def hold() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(server.accept()[0])

        threading.Thread(target=hold, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        for one in held:
            one.close()


def test_servers_that_hang(variables: dict[str, str], silent_port: int) -> None:
    silent = f"127.0.0.1:{silent_port}"
    started = time.monotonic()
    report = examine(
        {
            **variables,
            "ACOUSTID_REDIS_URL": f"redis://{silent}/0",
            "ACOUSTID_NATS_SERVERS": f"nats://{silent}",
            "ACOUSTID_DATABASE_MUSICBRAINZ_URL": f"postgresql://u@{silent}/musicbrainz",
            "ACOUSTID_FINGERPRINT_INDEX_URL": f"http://{silent}",
        }
    )
    assert time.monotonic() - started < SECONDS - 5
    assert report.problems == {"redis", "nats", "database musicbrainz", "index"}


def test_nats_without_its_stream(variables: dict[str, str], nats_url: str) -> None:
    report = examine({**variables, "ACOUSTID_NATS_SERVERS": nats_url})
    assert report.problems == {"nats"}
    assert "there is no stream acoustid_submissions" in report.checks["nats"]["detail"]
    assert "fpservice worker" in report.checks["nats"]["advice"]
    make_stream(nats_url)
    assert examine({**variables, "ACOUSTID_NATS_SERVERS": nats_url}).problems == set()


def test_nats_that_does_not_let_us_in(variables: dict[str, str], nats_server: NatsServer) -> None:
    host = nats_server.url.partition("://")[2]
    report = examine(
        {
            **variables,
            "ACOUSTID_NATS_SERVERS": f"nats://{host}",
            "ACOUSTID_NATS_STREAM": "another",
        }
    )
    assert report.problems == {"nats"}
    assert "there is no stream another" in report.checks["nats"]["detail"]


@pytest.mark.parametrize(
    ("version", "says", "advice"),
    [
        ("app_0001", "migrations are missing", "fpservice db upgrade"),
        ("app_9999", "of a version that this program does not know", "newer fpservice"),
        (None, "it has no tables yet", "fpservice db upgrade"),
    ],
)
def test_tables_of_another_version(
    installation: Installation,
    variables: dict[str, str],
    version: str | None,
    says: str,
    advice: str,
) -> None:
    app = installation.parts.databases.app
    with app.writing() as connection:
        kept = connection.execute(text("SELECT version_num FROM alembic_version_app")).scalar_one()
        connection.execute(text("DELETE FROM alembic_version_app"))
        if version is not None:
            row = {"version": version}
            connection.execute(text("INSERT INTO alembic_version_app VALUES (:version)"), row)
    try:
        report = examine(variables)
    finally:
        with app.writing() as connection:
            connection.execute(text("DELETE FROM alembic_version_app"))
            row = {"version": kept}
            connection.execute(text("INSERT INTO alembic_version_app VALUES (:version)"), row)
    assert report.problems == {"database app"}
    assert says in report.checks["database app"]["detail"]
    assert advice in report.checks["database app"]["advice"]


def test_nothing_is_there_yet_and_nothing_is_made(tmp_path: Path) -> None:
    report = examine({"FPSERVICE_DATA": str(tmp_path)})
    assert report.problems == {"database app", "database fingerprint", "database ingest"}
    assert "there is no file" in report.checks["database app"]["detail"]
    assert list(tmp_path.iterdir()) == []


def test_a_wiped_index(variables: dict[str, str], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "index")
    report = examine(variables)
    assert report.problems == {"index"}
    assert "is gone" in report.checks["index"]["detail"]
    assert "fpservice index rebuild" in report.checks["index"]["advice"]


def test_an_index_that_does_not_have_all(
    installation: Installation, variables: dict[str, str]
) -> None:
    with installation.parts.databases.fingerprint.writing() as connection:
        connection.execute(text("DELETE FROM index_change"))
        rows = "SELECT length, hashes FROM fingerprint"
        connection.execute(text(f"INSERT INTO fingerprint (length, hashes) {rows}"))
    report = examine(variables)
    assert report.problems == {"index"}
    assert "the index has 1 fingerprints, the database 2" in report.checks["index"]["detail"]
    assert "fpservice index verify" in report.checks["index"]["advice"]


def test_nobody_imports(installation: Installation, variables: dict[str, str]) -> None:
    installation.submit(fingerprint=fresh_fingerprint(2), duration=30, track="New")
    assert examine(variables).problems == set()
    with installation.parts.databases.ingest.writing() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=1)
        connection.execute(update(pending_submission).values(created=long_ago))
    report = examine(variables)
    assert report.problems == {"outbox"}
    assert "fpservice worker" in report.checks["outbox"]["advice"]


def without_superpowers() -> None:
    """Have permissions count for root too; for others they do anyway."""
    ctypes.CDLL(None).prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE)


def test_a_folder_that_cannot_be_written(variables: dict[str, str], tmp_path: Path) -> None:
    folders = [tmp_path, tmp_path / "index"]
    for folder in folders:
        folder.chmod(0o555)
    try:
        report = examine(variables, before=without_superpowers)
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert {"data folder", "index folder"} <= report.problems
    for name in ("data folder", "index folder"):
        assert "cannot be written: Permission denied" in report.checks[name]["detail"]
        assert "user of the service" in report.checks[name]["advice"]


def test_a_database_that_cannot_be_written(tmp_path: Path) -> None:
    variables = {"FPSERVICE_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "fpservice.cli", "db", "upgrade"]
    subprocess.run(command, env={**os.environ, **variables}, check=True, timeout=SECONDS)
    (tmp_path / "ingest.db").chmod(0o444)
    report = examine(variables, before=without_superpowers)
    assert report.problems == {"database ingest"}
    assert "cannot be written" in report.checks["database ingest"]["detail"]


def test_a_configuration_that_cannot_be_used(tmp_path: Path) -> None:
    for name, value, says in (
        ("ACOUSTID_DATABSE_URL", "x", "the nearest is"),
        ("ACOUSTID_DATABASE_PASSWORD_FILE", str(tmp_path / "none"), "cannot be read"),
        ("ACOUSTID_SEARCH_CANDIDATES", "many", "must be a whole number"),
    ):
        report = examine({"FPSERVICE_DATA": str(tmp_path), name: value})
        assert report.status == 1
        assert report.problems == {"configuration"}
        assert says in report.checks["configuration"]["detail"]


def test_a_data_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    report = examine({"FPSERVICE_DATA": str(tmp_path / "file" / "data")})
    assert report.status == 1
    assert {"data folder", "index folder"} <= report.problems
    assert not (tmp_path / "file").is_dir()


def test_looking_makes_no_folder(tmp_path: Path) -> None:
    examine({"FPSERVICE_DATA": str(tmp_path / "none")})
    assert not (tmp_path / "none").exists()
