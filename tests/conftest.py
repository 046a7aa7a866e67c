"""Servers and databases that tests share. Nothing starts before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.installation import Installation, environment, install
from tests.recorded.serving import recorded_musicbrainz
from tests.services import (
    DatabaseUrls,
    NatsServer,
    PostgresServer,
    RedisServer,
    postgres_urls,
    sqlite_urls,
)
from tests.shapes import migrate


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


@pytest.fixture(scope="session")
def sqlite_databases(tmp_path_factory: pytest.TempPathFactory) -> DatabaseUrls:
    """The service's databases with their tables, in files."""
    return migrate(sqlite_urls(tmp_path_factory.mktemp("databases")))


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: PostgresServer) -> DatabaseUrls:
    """The service's databases with their tables on PostgreSQL, and an empty one beside them."""
    return migrate(postgres_urls(postgres_server))


@pytest.fixture(scope="session")
def musicbrainz_url(postgres_server: PostgresServer) -> str:
    """The sample of MusicBrainz, in a database that tests only read."""
    return recorded_musicbrainz(postgres_server)


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_urls(request: pytest.FixtureRequest) -> DatabaseUrls:
    """The service's databases on each backend."""
    name = {"sqlite": "sqlite_databases", "postgresql": "postgres_databases"}[request.param]
    urls: DatabaseUrls = request.getfixturevalue(name)
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
    installed.close()
