"""Servers and databases that tests share. Nothing starts before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from tests.installation import Installation, environment, install
from tests.services import (
    DatabaseUrls,
    NatsServer,
    PostgresServer,
    RedisServer,
    postgres_urls,
    sqlite_urls,
)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    server = RedisServer.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def nats_server() -> Iterator[NatsServer]:
    server = NatsServer.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> Iterator[str]:
    """A Redis without keys."""
    redis_server.clear()
    yield redis_server.url
    redis_server.clear()


@pytest.fixture
def nats_url(nats_server: NatsServer) -> Iterator[str]:
    """A NATS without streams."""
    nats_server.clear()
    yield nats_server.url
    nats_server.clear()


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_urls(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> DatabaseUrls:
    """The service's databases with their tables, once a session for each backend."""
    if request.param == "sqlite":
        urls = sqlite_urls(tmp_path_factory.mktemp("databases"))
    else:
        urls = postgres_urls(request.getfixturevalue("postgres_server"))
    for name, url in zip(("app", "fingerprint", "ingest"), urls.own, strict=True):
        database = Database(name, open_engine(url))
        migrations.upgrade(database)
        database.close()
    return urls


@pytest.fixture
def databases(database_urls: DatabaseUrls) -> Iterator[DatabaseUrls]:
    """The same databases for one test, which leaves no rows in them."""
    yield database_urls
    database_urls.empty()


@pytest.fixture
def installation(databases: DatabaseUrls, tmp_path: Path) -> Iterator[Installation]:
    """A whole installation with an empty catalogue, on either backend."""
    installed = install(environment(databases, tmp_path))
    yield installed
    installed.parts.close()
