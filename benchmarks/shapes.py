"""Installations to measure, in both shapes: made once, kept in a folder, started for a run.

``embedded``: SQLite and the files of the index. ``production``: four databases of PostgreSQL,
limits in Redis, submissions through NATS, names from a MusicBrainz; the files of the index too.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks import copying, musicbrainz
from benchmarks.installation import add_keys, environment, fill, opened
from benchmarks.synthetic import fingerprints
from fpservice.bootstrap import build_rebuild
from fpservice.domain.errors import IndexCorruptError
from tests.services import NatsServer, PostgresServer, RedisServer

EMBEDDED: Final = "embedded"
PRODUCTION: Final = "production"
SHAPES: Final = (EMBEDDED, PRODUCTION)
SEED: Final = 1
# Another number for what is made in another way.
_VERSION: Final = 2
_DATABASES: Final = ("app", "fingerprint", "ingest", "musicbrainz")
# What a careful operator would set: every commit is on disk when it is answered.
_POSTGRES: Final = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "4GB",
    "io_method": "worker",
}
_FAST: Final = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
# The limits are on, and let everything through.
_LIMITS: Final = {
    "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
    "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "1000000",
    "ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_LIMIT": "1000000",
    "ACOUSTID_CLUSTER_RATE_LIMITER_IP_LIMIT": "1000000",
}


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation of ``size`` fingerprints in a directory; nothing of it runs."""

    directory: Path
    shape: str
    size: int

    @property
    def index(self) -> Path:
        """The folder of the index."""
        return self.directory / "index"

    @contextmanager
    def started(self, more: Mapping[str, str] | None = None) -> Iterator[dict[str, str]]:
        """Start the servers it needs; yield the environment for the service's own processes.

        ``more`` are settings of PostgreSQL.
        """
        variables = {**environment(self.directory), **_LIMITS}
        if self.shape == EMBEDDED:
            yield variables
            return
        with ExitStack() as stack:
            postgres = PostgresServer.start_at(
                self.directory / "postgres", {**_POSTGRES, **(more or {})}
            )
            stack.callback(postgres.stop)
            # Stopping has a few seconds, which would not do for all that is to be written.
            stack.callback(postgres.execute, "CHECKPOINT")
            redis, nats = RedisServer.start(), NatsServer.start()
            stack.callback(redis.stop)
            stack.callback(nats.stop)
            yield {**variables, **_urls(postgres), **_servers(redis, nats)}

    @contextmanager
    def copied(self) -> Iterator[Installation]:
        """Yield a copy to be written to; it is removed at the end."""
        directory = self.directory.with_name(f"scratch-{self.directory.name}")
        _copy(self.directory, directory)
        _write_out()
        try:
            yield replace(self, directory=directory)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def installation(root: Path, shape: str, size: int) -> Installation:
    """Return an installation of synthetic fingerprints; made the first time only."""
    directory = root.resolve() / f"{shape}-{_VERSION}-{size}-{SEED}"
    made = Installation(directory, shape, size)
    if directory.exists():
        _mend(made)
        return made
    unfinished = replace(made, directory=directory.with_suffix(".unfinished"))
    shutil.rmtree(unfinished.directory, ignore_errors=True)
    unfinished.directory.mkdir(parents=True)
    if shape == EMBEDDED:
        _make_embedded(unfinished)
    else:
        _make_production(unfinished, installation(root, EMBEDDED, size))
    unfinished.directory.rename(directory)
    _write_out()
    return made


@contextmanager
def empty(root: Path, shape: str) -> Iterator[Installation]:
    """Yield an installation with keys and nothing else; it is removed at the end."""
    made = Installation(root.resolve() / f"scratch-empty-{shape}", shape, 0)
    shutil.rmtree(made.directory, ignore_errors=True)
    made.directory.mkdir(parents=True)
    try:
        if shape == PRODUCTION:
            _create_databases(made)
        with made.started() as variables, opened(variables) as parts:
            add_keys(parts)
        yield made
    finally:
        shutil.rmtree(made.directory, ignore_errors=True)


def _make_embedded(made: Installation) -> None:
    with made.started() as variables, opened(variables) as parts:
        add_keys(parts)
        fill(parts, fingerprints(made.size, SEED))


def _make_production(made: Installation, embedded: Installation) -> None:
    _create_databases(made)
    with made.started(_FAST) as variables:
        with opened(variables) as parts:
            add_keys(parts)
        fingerprint = variables["ACOUSTID_DATABASE_FINGERPRINT_URL"]
        copying.fill(fingerprint, fingerprints(made.size, SEED))
        names = variables["ACOUSTID_DATABASE_MUSICBRAINZ_URL"]
        musicbrainz.fill(names, made.size)
        for url in (fingerprint, names):
            copying.vacuum(url)
    # The same fingerprints have the same ids.
    _copy(embedded.index, made.index)


def _write_out() -> None:
    """Let the disk be done with what was made, so that it is not busy while others are measured."""
    os.sync()


def _create_databases(made: Installation) -> None:
    postgres = PostgresServer.start_at(made.directory / "postgres", _FAST)
    try:
        for name in _DATABASES:
            postgres.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    finally:
        postgres.stop()


def _mend(made: Installation) -> None:
    """Build the index anew if its files are of another version of the service."""
    with made.started() as variables, opened(variables) as parts:
        try:
            if parts.index.status().fingerprints == made.size:
                return
        except IndexCorruptError:
            pass
        build_rebuild(parts).rebuild(lambda _: None)


def _urls(postgres: PostgresServer) -> dict[str, str]:
    names = dict(zip(_DATABASES, ("", "_FINGERPRINT", "_INGEST", "_MUSICBRAINZ"), strict=True))
    return {
        f"ACOUSTID_DATABASE{part}_URL": postgres.url.set(database=name).render_as_string(
            hide_password=False
        )
        for name, part in names.items()
    }


def _servers(redis: RedisServer, nats: NatsServer) -> dict[str, str]:
    return {
        "ACOUSTID_REDIS_URL": redis.url,
        "ACOUSTID_NATS_SERVERS": nats.url,
        "ACOUSTID_CLUSTER_RATE_LIMITER_STORAGE": "redis",
    }


def _copy(source: Path, target: Path) -> None:
    """Copy a folder with its owners: PostgreSQL does not run as root."""
    for is_last in (False, True):
        shutil.rmtree(target, ignore_errors=True)
        # Whoever closes a database of SQLite last removes its log: if that is just now, again.
        copied = subprocess.run(["cp", "-a", "--reflink=auto", source, target], check=is_last)
        if copied.returncode == 0:
            return
