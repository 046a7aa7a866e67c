"""What a lookup needs is gone: error 13 with Retry-After, in time, and never an empty answer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.app import create_app
from fpservice.bootstrap import build_parts, build_rebuild, build_services
from fpservice.config import load_config
from fpservice.db import migrations
from tests.installation import APPLICATION_KEY, Installation, environment, install, recordings
from tests.services import PostgresServer, postgres_urls


def lookup(installed: Installation) -> tuple[int, str | None, dict[str, object]]:
    one = recordings()[0]
    form = {
        "client": APPLICATION_KEY,
        "duration": one["duration"],
        "fingerprint": one["fingerprint"],
        "meta": "recordings usermeta",
    }
    answer = installed.client.post("/v2/lookup", data=form)
    assert answer.json is not None
    return answer.status_code, answer.headers.get("Retry-After"), answer.json


def fill(installed: Installation) -> None:
    one = recordings()[0]
    installed.submit(duration=one["duration"], fingerprint=one["fingerprint"], track="x")
    installed.import_all()
    assert lookup(installed)[2]["results"]


def is_unavailable(answer: tuple[int, str | None, dict[str, object]]) -> bool:
    status, retry_after, body = answer
    error = body.get("error")
    code = error["code"] if isinstance(error, dict) else None
    return (status, code) == (503, 13) and retry_after is not None


@pytest.mark.parametrize("name", ["manifest.json", "log.dat"])
def test_a_damaged_index(installation: Installation, name: str) -> None:
    fill(installation)
    [file] = installation.config.index_path.glob(f"gen-*/{name}")
    file.write_bytes(b"damage" * 100)
    again = install_again(installation)
    assert is_unavailable(lookup(again))
    health = again.client.get("/_health_ro")
    assert health.status_code == 503
    assert health.json is not None
    assert health.json["checks"]["index"]["status"] == "error"
    build_rebuild(again.parts).rebuild(lambda number: None)
    assert lookup(again)[2]["results"]
    assert again.client.get("/_health_ro").status_code == 200
    again.parts.close()


def install_again(installation: Installation) -> Installation:
    parts = build_parts(installation.config)
    app = create_app(build_services(parts))
    return Installation(installation.config, parts, app, app.test_client())


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, which it may stop."""
    server = PostgresServer.start()
    yield server
    server.stop()


def test_a_stopped_database(own_server: PostgresServer, tmp_path: Path) -> None:
    variables = environment(postgres_urls(own_server), tmp_path)
    parts = build_parts(load_config(variables))
    for database in parts.databases.all():
        migrations.upgrade(database)
    parts.close()
    installed = install(variables)
    fill(installed)
    own_server.stop()
    started = time.monotonic()
    assert is_unavailable(lookup(installed))
    one = recordings()[1]
    form = {"client": APPLICATION_KEY, "user": "testUser1", "track": "y", "duration": 100}
    submitted = installed.client.post(
        "/v2/submit", data={**form, "fingerprint": one["fingerprint"]}
    )
    assert submitted.status_code == 503
    assert time.monotonic() - started < 5
    health = installed.client.get("/_health_ro")
    assert health.json is not None
    assert {
        name for name, check in health.json["checks"].items() if check["status"] == "error"
    } == {"database_app", "database_fingerprint", "database_ingest"}
    assert installed.client.get("/_health_docker").status_code == 200
    installed.parts.close()
