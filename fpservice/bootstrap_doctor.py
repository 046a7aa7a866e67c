"""What ``fpservice doctor`` looks at; ``bootstrap`` builds what it looks at."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fpservice.bootstrap import Parts
from fpservice.config import Config
from fpservice.config_options import NatsOptions
from fpservice.db.transaction import Database
from fpservice.domain.errors import QueueUnavailableError
from fpservice.messaging.nats_probe import NoStreamError, look_at_stream
from fpservice.services.backlogs import BacklogService
from fpservice.services.doctor.checks import Check, ProblemError
from fpservice.services.doctor.clock import Clock, clock_check, database_clock
from fpservice.services.doctor.databases import (
    database_check,
    is_there,
    musicbrainz_check,
    replica_check,
)
from fpservice.services.doctor.disk import disk_check
from fpservice.services.doctor.index import index_check, outbox_check

_SECTIONS: Final = {
    "app": "database",
    "fingerprint": "database_fingerprint",
    "ingest": "database_ingest",
}
_NATS_TIME_LIMIT: Final = 6.0


def build_checks(parts: Parts) -> dict[str, Check]:
    """Return a check of everything that is configured, by name."""
    backlogs = BacklogService(parts.databases)
    checks: dict[str, Check] = {}
    for database in parts.databases.all():
        section = _SECTIONS[database.name]
        checks[f"database {database.name}"] = database_check(database, section)
        if database.has_replica:
            checks[f"replica of {database.name}"] = replica_check(database, section)
    if parts.musicbrainz is not None:
        checks["database musicbrainz"] = musicbrainz_check(parts.musicbrainz)
        if parts.musicbrainz.has_replica:
            checks["replica of musicbrainz"] = replica_check(
                parts.musicbrainz, "database_musicbrainz"
            )
    if parts.redis is not None:
        checks["redis"] = _redis_check(parts)
    if parts.config.nats.servers:
        checks["nats"] = _nats_check(parts.config.nats)
    if all(is_there(database) for database in parts.databases.all()):
        checks["index"] = index_check(parts.index, parts.databases.fingerprint, backlogs)
        checks["outbox"] = outbox_check(backlogs)
    checks["clock"] = clock_check(_clocks(parts))
    return {**checks, **disk_checks(parts.config)}


def disk_checks(config: Config) -> dict[str, Check]:
    """Return checks of the folders, which need nothing else."""
    checks = {"data folder": disk_check(config.data_dir)}
    if not config.fingerprint_index.external:
        path = config.index_path
        # A new index is written beside the old one.
        checks["index folder"] = disk_check(path, lambda: _size(path))
    return checks


def unused(config: Config) -> list[str]:
    """Return what is not configured, and therefore not checked."""
    found = {
        "database musicbrainz": config.musicbrainz_url is None,
        "redis": config.redis.location() is None,
        "nats": not config.nats.servers,
    }
    return [name for name, is_unused in found.items() if is_unused]


def _clocks(parts: Parts) -> dict[str, Clock]:
    """Return the clock of each server; several databases may be on one."""
    servers: dict[str, Database] = {}
    for database in parts.databases.all():
        url = database.engine.url
        if url.get_backend_name() != "sqlite":
            servers.setdefault(f"{url.host or 'local'}:{url.port or 5432}", database)
    return {f"PostgreSQL {place}": database_clock(one) for place, one in servers.items()}


def _redis_check(parts: Parts) -> Check:
    redis = parts.redis
    assert redis is not None
    from fpservice.cache.redis_connection import RedisUnavailableError

    def check() -> str:
        try:
            redis.ping()
        except RedisUnavailableError as error:
            raise ProblemError(
                f"it does not answer: {error}", "start Redis, or mend what [redis] says of it"
            ) from error
        return "answers"

    return check


def _nats_check(options: NatsOptions) -> Check:
    def check() -> str:
        try:
            report = look_at_stream(options, _NATS_TIME_LIMIT)
        except NoStreamError as error:
            raise ProblemError(
                str(error), "start `fpservice worker`, which makes them; until then it polls"
            ) from error
        except QueueUnavailableError as error:
            raise ProblemError(
                str(error), "start NATS with JetStream (-js), or mend what [nats] says of it"
            ) from error
        return f"answers; {report.waiting} announcements wait, {report.under_way} are under way"

    return check


def _size(folder: Path) -> int:
    """Return how many bytes the files of a folder take."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            # Merging removes segments meanwhile.
            continue
    return total
