"""What drivers say on their own, past SQLAlchemy, means the same: the database does not answer."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Connection, make_url, select, text

from fpservice.db.engines import open_engine
from fpservice.db.fingerprint.tables import track
from fpservice.db.quick import QuickConnection, QuickStatement
from fpservice.db.transaction import Database
from fpservice.db.watched import WatchedConnection
from fpservice.domain.errors import DatabaseUnavailableError
from tests.services import PostgresServer

LIMIT = 0.2
SECONDS = 2.0
BY_ID = QuickStatement(lambda among: select(track.c.id).where(among(track.c.id)))
WAYS = ["reading", "writing", "reading_replica"]


@pytest.fixture
def url(postgres_server: PostgresServer) -> Iterator[str]:
    url = postgres_server.create_database("failures")
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    with closing(opened(url)) as database:
        yield database


def opened(url: str, **options: Any) -> Database:
    engines = [open_engine(url, statement_timeout=LIMIT, **options) for _ in range(2)]
    return Database(
        "tested", *engines, quick=open_engine(url, statement_timeout=LIMIT, autocommit=True)
    )


def on_driver(connection: Any, statement: str) -> None:
    quick = QuickConnection.within(connection)
    with closing(quick.driver.cursor()) as cursor:
        cursor.execute(statement)


def end_connections(url: str) -> None:
    parts = make_url(url).set(drivername="postgresql")
    with closing(psycopg2.connect(parts.render_as_string(hide_password=False))) as connection:
        connection.cursor().execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("way", WAYS)
def test_a_statement_that_takes_too_long(database: Database, way: str) -> None:
    with (
        pytest.raises(DatabaseUnavailableError, match="statement timeout"),
        getattr(database, way)() as connection,
    ):
        on_driver(connection, "SELECT pg_sleep(5)")
    with getattr(database, way)() as connection:
        on_driver(connection, "SELECT 1")


@pytest.mark.parametrize("way", WAYS)
def test_a_connection_that_is_lost(database: Database, url: str, way: str) -> None:
    def lose() -> None:
        with getattr(database, way)() as connection:
            on_driver(connection, "SELECT 1")
            end_connections(url)
            on_driver(connection, "SELECT 1")

    with pytest.raises(DatabaseUnavailableError):
        lose()
    with getattr(database, way)() as connection:
        on_driver(connection, "SELECT 1")


@pytest.mark.parametrize("way", WAYS)
def test_a_mistake_stays_a_mistake(database: Database, way: str) -> None:
    with pytest.raises(psycopg2.ProgrammingError), getattr(database, way)() as connection:
        on_driver(connection, "SELECT nothing")
    with pytest.raises(psycopg2.ProgrammingError):
        database.quickly(lambda connection: connection.rows(BY_ID, [1]))


def test_a_locked_database_of_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    with (
        closing(Database("tested", open_engine(f"sqlite:///{path}"))) as database,
        closing(sqlite3.connect(path)) as other,
    ):
        other.execute("CREATE TABLE one (number integer)")
        with database.reading() as one:
            on_driver(one, "PRAGMA busy_timeout = 100")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="locked"), database.reading() as one:
            on_driver(one, "INSERT INTO one VALUES (1)")
        other.rollback()
        with database.writing() as one:
            on_driver(one, "INSERT INTO one VALUES (1)")


@pytest.fixture
def own_server() -> Iterator[PostgresServer]:
    """A PostgreSQL of this test alone, which it may stop."""
    server = PostgresServer.start()
    yield server
    server.stop()


def test_a_server_that_hangs(own_server: PostgresServer) -> None:
    url = own_server.create_database("hanging")
    started: list[float] = []

    def write(database: Database) -> None:
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE one (number integer)"))
            with own_server.hanging():
                started.append(time.monotonic())
                connection.execute(text("INSERT INTO one VALUES (1)"))

    with closing(Database("tested", open_engine(url, statement_timeout=LIMIT))) as database:
        with pytest.raises(DatabaseUnavailableError):
            write(database)
        assert time.monotonic() - started[0] < SECONDS
        with database.writing() as connection:
            connection.execute(text("CREATE TABLE one (number integer)"))


@pytest.mark.parametrize("way", ["commit", "copy", "fetch"])
def test_what_is_no_statement_ends_too(own_server: PostgresServer, way: str) -> None:
    url = own_server.create_database("hanging")

    def read(database: Database) -> None:
        with database.reading() as connection:
            rows = connection.execution_options(yield_per=10).execute(
                text("SELECT * FROM generate_series(1, 100000)")
            )
            next(rows)
            with own_server.hanging():
                ask(connection, rows, way)

    with closing(Database("tested", open_engine(url, statement_timeout=LIMIT))) as database:
        with pytest.raises(DatabaseUnavailableError):
            read(database)
        with database.reading() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1


def ask(connection: Connection, rows: Iterable[object], way: str) -> None:
    if way == "commit":
        connection.commit()
    elif way == "fetch":
        list(rows)
    else:
        connection.connection.cursor().copy_expert("COPY pg_class TO STDOUT", BytesIO())


def test_a_fork_leaves_the_connections_of_its_parent_alone(database: Database) -> None:
    with database.reading() as connection:
        driver = connection.connection.dbapi_connection
        assert isinstance(driver, WatchedConnection)
        child = os.fork()
        if not child:
            driver.deadline = 0.0
            time.sleep(1.0)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert connection.execute(text("SELECT 1")).scalar() == 1
