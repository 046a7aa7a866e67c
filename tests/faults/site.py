"""The servers that rounds share: each is started when the first round needs it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Self

from cachetools import LRUCache

from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from tests.faults.clips import Clip
from tests.faults.contents import Contents, read_contents
from tests.faults.nursery import Nursery
from tests.index_server import IndexServerProcess
from tests.installation import environment, install
from tests.services import DatabaseUrls, NatsServer, PostgresServer, RedisServer, sqlite_urls

NAMES = ("app", "fingerprint", "ingest")
# What a process that is killed has committed must be there after a crash of the server too.
_SETTINGS = {"synchronous_commit": "on"}


class Site:
    """Servers, each of the service's PostgreSQL databases on one of its own."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._opened = ExitStack()
        path = self._opened.enter_context(tempfile.TemporaryDirectory(prefix="fpservice-faults-"))
        self.directory = Path(path)
        # PostgreSQL runs as another user.
        self.directory.chmod(0o755)
        self.redis: RedisServer | None = None
        self.index_server: IndexServerProcess | None = None
        self.rounds = 0
        self._known: LRUCache[object, Contents] = LRUCache(100)

    def __enter__(self) -> Self:
        """Return the site."""
        return self

    def __exit__(self, *error: object) -> None:
        """Stop everything."""
        for server in (self.redis, self.index_server):
            if server is not None:
                server.stop()
        self._opened.close()

    @cached_property
    def nursery(self) -> Nursery:
        """Where processes of the service come from."""
        nursery = Nursery()
        self._opened.callback(nursery.close)
        return nursery

    @cached_property
    def postgres(self) -> dict[str, PostgresServer]:
        """A server for each database, by its name."""
        servers = {}
        for name in NAMES:
            folder = self.directory / f"postgres-{name}"
            folder.mkdir()
            folder.chmod(0o755)
            servers[name] = PostgresServer.start_at(folder / "data", _SETTINGS)
            self._opened.callback(servers[name].stop)
            # What is in there is wanted no more: there is nothing to be put in order.
            self._opened.callback(servers[name].crash)
        return servers

    @cached_property
    def nats(self) -> NatsServer:
        """A NATS that may be killed and wiped."""
        server = NatsServer.start_own()
        self._opened.callback(server.stop)
        return server

    @cached_property
    def urls(self) -> dict[str, DatabaseUrls]:
        """The databases of each backend, made when they are asked for."""
        return {}

    def databases(self, backend: str) -> DatabaseUrls:
        """Return empty databases with all their tables."""
        if backend not in self.urls:
            make = self._sqlite if backend == "sqlite" else self._postgresql
            self.urls[backend] = make()
            _migrate(self.urls[backend])
        self.urls[backend].empty()
        return self.urls[backend]

    def redis_url(self) -> str:
        """Return where Redis is, without keys."""
        if self.redis is None:
            self.redis = RedisServer.start_own()
        self.redis.clear()
        return self.redis.url

    def served_index(self) -> IndexServerProcess:
        """Return the index server."""
        if self.index_server is None:
            self.index_server = IndexServerProcess.start(self.directory / "served", workers=1)
        return self.index_server

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Yield an empty folder for a round."""
        self.rounds += 1
        with tempfile.TemporaryDirectory(prefix="round-", dir=self.directory) as path:
            yield Path(path)

    def undisturbed(self, clips: list[Clip]) -> Contents:
        """Return what these clips come to where nothing goes wrong."""
        key = tuple(frozenset(clip.form.items()) for clip in clips)
        if key not in self._known:
            self._known[key] = self._play_undisturbed(clips)
        return self._known[key]

    def _play_undisturbed(self, clips: list[Clip]) -> Contents:
        if "undisturbed" not in self.urls:
            # In memory, where there is nothing to wait for.
            directory = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
            path = tempfile.TemporaryDirectory(prefix="fpservice-faults-", dir=directory)
            self.urls["undisturbed"] = sqlite_urls(Path(self._opened.enter_context(path)))
            _migrate(self.urls["undisturbed"])
        urls = self.urls["undisturbed"]
        urls.empty()
        with self.room() as room:
            installed = install(environment(urls, room))
            for clip in clips:
                installed.submit(**clip.form)
            installed.import_all()
            contents = read_contents(installed.parts)
            installed.parts.close()
        return contents

    def _sqlite(self) -> DatabaseUrls:
        folder = self.directory / "sqlite"
        folder.mkdir()
        return sqlite_urls(folder)

    def _postgresql(self) -> DatabaseUrls:
        app, fingerprint, ingest = (self.postgres[name].create_database(name) for name in NAMES)
        # A fourth one that nobody may need for an import: there is nothing in it.
        musicbrainz = self.postgres["app"].create_database("musicbrainz")
        return DatabaseUrls("postgresql", app, fingerprint, ingest, musicbrainz)


def _migrate(urls: DatabaseUrls) -> None:
    for name, url in zip(NAMES, urls.own, strict=True):
        database = Database(name, open_engine(url))
        migrations.upgrade(database)
        database.close()
