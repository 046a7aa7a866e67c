"""A file of shared fingerprints over a database that a test can look into and change."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import delete, insert

from fpservice.cache.fingerprints.read_through import ReadThroughSource
from fpservice.cache.fingerprints.shared_file import FingerprintFile
from fpservice.db.engines import open_engine
from fpservice.db.fingerprint.fingerprints import SurveyedRow
from fpservice.db.fingerprint.tables import fingerprint
from fpservice.db.transaction import Database
from fpservice.domain.fingerprint import to_bytes
from fpservice.index.database_source import DatabaseSource
from fpservice.interfaces import Metrics, StoredFingerprint
from fpservice.observability.metrics import NullMetrics

SIZE = 2**20
TTL = 100.0
NAME = "postgresql:///fingerprint"


class KeptSource(DatabaseSource):
    """A database in memory that remembers which ids it was asked for, call by call."""

    def __init__(self, contents: Sequence[StoredFingerprint] = ()) -> None:
        self.contents = {one.id: one for one in contents}
        self.asked: list[list[int]] = []
        self.while_asked: Callable[[], None] = lambda: None

    def survey(self, fingerprint_ids: Sequence[int], low: int, high: int) -> list[SurveyedRow]:
        """Return what there is; then do what a test wants to happen before it is kept."""
        self.asked.append(list(fingerprint_ids))
        found = [self.contents[one] for one in fingerprint_ids if one in self.contents]
        self.while_asked()
        return [
            SurveyedRow(one.id, one.duration, one.hashes if low <= one.duration <= high else None)
            for one in found
        ]

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return what there is."""
        self.asked.append(list(fingerprint_ids))
        found = [self.contents[one] for one in fingerprint_ids if one in self.contents]
        return [one for one in found if low <= one.duration <= high]


class Clock:
    """The time of a file, moved by the test."""

    def __init__(self) -> None:
        self.now = time.time()

    def __call__(self) -> float:
        """Return the time in seconds since 1970."""
        return self.now


def opened(
    path: Path,
    database: DatabaseSource,
    metrics: Metrics | None = None,
    *,
    size: int = SIZE,
    clock: Callable[[], float] = time.time,
    name: str = NAME,
) -> ReadThroughSource:
    """Return what a process has that shares the file."""
    metrics = metrics or NullMetrics()
    return ReadThroughSource(
        FingerprintFile(path, size, TTL, name, metrics, clock), database, metrics
    )


@contextmanager
def filled(url: str, contents: Sequence[StoredFingerprint]) -> Iterator[Database]:
    """Yield the database at a URL with these fingerprints in it."""
    database = Database("fingerprint", open_engine(url))
    rows = [
        {"id": one.id, "length": one.duration, "hashes": to_bytes(one.hashes)} for one in contents
    ]
    with database.writing() as connection:
        connection.execute(delete(fingerprint))
        connection.execute(insert(fingerprint), rows)
    try:
        yield database
    finally:
        database.close()
