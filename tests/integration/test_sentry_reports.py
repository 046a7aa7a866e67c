"""What workers report to Sentry: failed imports, the same error once for all of them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import update

from fpservice.cache.redis_cache import RedisCache
from fpservice.cache.redis_connection import RedisConnection
from fpservice.config_options import RedisOptions
from fpservice.db.ingest.tables import submission
from fpservice.observability.metrics import NullMetrics
from fpservice.observability.sentry import ErrorThrottle
from tests.installation import Installation, environment, fresh_fingerprint, install
from tests.sentry_server import SentryServer
from tests.services import DatabaseUrls, free_port

DEADLINE = 30.0


@pytest.fixture
def sentry_server() -> Iterator[SentryServer]:
    with SentryServer() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def urls(sqlite_databases: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """Databases for one test, which leaves no rows in them."""
    yield sqlite_databases
    sqlite_databases.empty()


@contextmanager
def throttles(url: str) -> Iterator[list[ErrorThrottle]]:
    """Yield the throttles of two processes."""
    connections = [RedisConnection(RedisOptions(url=url), NullMetrics()) for _ in range(2)]
    with closing(connections[0]), closing(connections[1]):
        caches = [RedisCache("sentry", one, NullMetrics()) for one in connections]
        yield [ErrorThrottle(claim=cache.claim) for cache in caches]


def test_an_error_is_reported_once_for_all(redis_url: str) -> None:
    with throttles(redis_url) as (one, other):
        assert [one.allow("a"), other.allow("a"), one.allow("a"), other.allow("b")] == [
            True,
            False,
            False,
            True,
        ]


def test_an_error_is_reported_again_when_its_time_is_over(redis_url: str) -> None:
    with closing(RedisConnection(RedisOptions(url=redis_url), NullMetrics())) as connection:
        cache = RedisCache("sentry", connection, NullMetrics())
        one, other = (ErrorThrottle(0.2, claim=cache.claim) for _ in range(2))
        assert (one.allow("a"), other.allow("a")) == (True, False)
        time.sleep(0.25)
        assert other.allow("a")


def test_without_an_answer_of_redis_each_process_reports() -> None:
    with throttles(f"redis://127.0.0.1:{free_port()}/0") as (one, other):
        assert [one.allow("a"), other.allow("a"), one.allow("a")] == [True, True, False]


@pytest.mark.parametrize(("shared", "reports"), [(True, 1), (False, 2)])
def test_a_failed_import_is_reported(
    urls: DatabaseUrls,
    redis_url: str,
    sentry_server: SentryServer,
    tmp_path: Path,
    shared: bool,
    reports: int,
) -> None:
    variables = {
        **environment(urls, tmp_path),
        "ACOUSTID_SENTRY_DSN": sentry_server.dsn,
        "ACOUSTID_WORKER_RETRY_DELAY": "0.05",
        "ACOUSTID_WORKER_MAX_ATTEMPTS": "2",
        "ACOUSTID_CONFIG": "/dev/null",
    }
    if shared:
        variables["ACOUSTID_REDIS_URL"] = redis_url
    installed = install(variables)
    for seed in range(2):
        fails_in_a_worker(installed, seed, variables)
    assert len(sentry_server.errors) == reports
    assert "InvalidFingerprintError" in sentry_server.errors[0]
    installed.close()


def fails_in_a_worker(installed: Installation, seed: int, variables: dict[str, str]) -> None:
    """Submit something that cannot be read, and have a new process try to import it."""
    [id] = installed.submit(duration=30, fingerprint=fresh_fingerprint(seed), track="x")
    with installed.parts.databases.ingest.writing() as connection:
        spoiled = update(submission).where(submission.c.id == id)
        connection.execute(spoiled.values(hashes=b"abc"))
    command = [sys.executable, "-m", "fpservice.cli", "worker"]
    worker = subprocess.Popen(command, env={**os.environ, **variables})
    deadline = time.monotonic() + DEADLINE
    while installed.status(id)[0]["status"] != "failed":
        assert time.monotonic() < deadline, "it did not fail"
        time.sleep(0.05)
    worker.terminate()
    assert worker.wait(DEADLINE) == 0
