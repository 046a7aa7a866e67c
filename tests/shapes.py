"""The shapes an installation comes in, and installations of each for tests.

``embedded`` is what ``fpservice serve`` makes of itself: SQLite, an index in files, an importer
that polls. ``stack`` is the production shape of ``make stack``: four PostgreSQL databases, limits
in Redis, a queue in NATS, an index on servers of its own and workers in processes of their own.
Where a test calls the web application over WSGI, nothing but the web process is in its own.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import nats

from fpservice.bootstrap import build_indexing
from fpservice.config import load_config
from fpservice.config_options import NatsOptions
from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from fpservice.domain.errors import QueueUnavailableError
from fpservice.messaging.nats_stream import keep_stream
from tests.index_server import IndexServerProcess
from tests.installation import Installation, environment, install, install_as
from tests.served import Served
from tests.services import DatabaseUrls, NatsServer, RedisServer
from tests.stack import settings
from tests.worker_process import WorkerProcess

CONNECT_SECONDS = 5.0
IMPORT_SECONDS = 30.0
POLL_SECONDS = 0.01


class Shape(Protocol):
    """Makes installations, one after the other: they have the databases in common."""

    name: str
    databases: DatabaseUrls

    def variables(self, data: Path) -> dict[str, str]:
        """Return the environment of a new installation with an empty catalogue."""

    def install(self, data: Path, **settings: str) -> Installation:
        """Build a new installation to be called over WSGI, with more settings than usual."""

    def empty(self) -> None:
        """Remove what an installation, which has ended, left in the databases."""


@contextmanager
def serving(shape: Shape, data: Path, *options: str, **settings: str) -> Iterator[Served]:
    """Run ``fpservice serve`` on a new installation until the end of the block."""
    try:
        with Served.start(shape.variables(data) | settings, *options) as served:
            yield served
    finally:
        shape.empty()


@dataclass
class EmbeddedShape:
    """The default: everything in files of one folder."""

    databases: DatabaseUrls
    name: str = "embedded"

    def variables(self, data: Path) -> dict[str, str]:
        """Return the environment of a new installation with an empty catalogue."""
        return environment(self.databases, data)

    def install(self, data: Path, **settings: str) -> Installation:
        """Build a new installation to be called over WSGI, with more settings than usual."""
        return install(self.variables(data) | settings)

    def empty(self) -> None:
        """Remove what an installation, which has ended, left in the databases."""
        self.databases.empty()


@dataclass
class StackShape:
    """The production shape; each installation has an index and a stream of its own."""

    databases: DatabaseUrls
    redis: RedisServer
    nats: NatsServer
    index: IndexServerProcess
    name: str = "stack"

    def variables(self, data: Path) -> dict[str, str]:
        """Return the environment of a new installation with an empty catalogue.

        The stream is there, as after any start of a worker before.
        """
        self.redis.clear()
        name = f"test_{uuid.uuid4().hex}"
        variables = settings(self.databases, self.redis.url, self.nats.url, self.index.url) | {
            "FPSERVICE_DATA": str(data),
            "ACOUSTID_FINGERPRINT_INDEX_NAME": name,
            "ACOUSTID_NATS_STREAM": name,
        }
        asyncio.run(_keep_stream(load_config(variables).nats))
        return variables

    def install(self, data: Path, **settings: str) -> Installation:
        """Build a new installation to be called over WSGI, with more settings than usual."""
        variables = self.variables(data) | settings
        installed = install_as(StackInstallation, variables)
        installed.variables = variables
        _wait_for_queue(installed)
        return installed

    def empty(self) -> None:
        """Remove what an installation, which has ended, left; MusicBrainz is only read."""
        replace(self.databases, musicbrainz=None).empty()


@dataclass
class StackInstallation(Installation):
    """An installation whose imports are made by a worker, which starts with the first of them."""

    variables: Mapping[str, str] = field(default_factory=dict)
    worker: WorkerProcess | None = None

    def import_all(self) -> None:
        """Have the worker import until nothing waits."""
        if self.worker is None:
            self.worker = WorkerProcess(self.variables, self.config.data_dir / "worker.log")
        end = time.monotonic() + IMPORT_SECONDS
        indexing = build_indexing(self.parts)
        while self.services.submission.pending() or indexing.waiting():
            assert self.worker.is_alive, self.worker.log.read_text()
            assert time.monotonic() < end, self.worker.log.read_text()
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        """End the worker, and let go of queue, files and connections."""
        if self.worker is not None:
            self.worker.kill()
        super().close()


@contextmanager
def running_stack(
    databases: DatabaseUrls, redis: RedisServer, nats: NatsServer, folder: Path
) -> Iterator[StackShape]:
    """Add index servers, whose files are in the folder, until the end of the block."""
    with IndexServerProcess.running(folder) as index:
        yield StackShape(databases, redis, nats, index)


def migrate(urls: DatabaseUrls) -> DatabaseUrls:
    """Give the service's databases their tables, and return them."""
    for name, url in zip(("app", "fingerprint", "ingest"), urls.own, strict=True):
        database = Database(name, open_engine(url))
        migrations.upgrade(database)
        database.close()
    return urls


async def _keep_stream(options: NatsOptions) -> None:
    client = await nats.connect(list(options.servers), connect_timeout=int(CONNECT_SECONDS))
    try:
        await keep_stream(client.jetstream(), options)
    finally:
        await client.close()


def _wait_for_queue(installed: Installation) -> None:
    """Wait until submissions can be announced: who is quicker is found by the sweeper, later."""
    end = time.monotonic() + CONNECT_SECONDS
    while True:
        try:
            installed.services.submission.ping_queue()
        except QueueUnavailableError:
            assert time.monotonic() < end, "NATS does not answer"
            time.sleep(POLL_SECONDS)
        else:
            return
