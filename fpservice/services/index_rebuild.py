"""The index anew from the database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from fpservice.db.fingerprint.fingerprints import (
    FingerprintRow,
    count_fingerprints,
    fetch_fingerprints,
    fingerprint_batches,
    fingerprint_ids,
)
from fpservice.db.transaction import Database
from fpservice.interfaces import IndexChange, IndexDelete, StoredFingerprint

BATCH: Final = 1000
Progress = Callable[[int], None]


def _nobody() -> None:
    """Tell nobody."""


class IndexBuild(Protocol):
    """A new index that grows beside the one in use."""

    def add(self, batch: Sequence[StoredFingerprint]) -> None:
        """Add fingerprints."""

    def commit(self, catch_up: Callable[[], Iterable[Sequence[IndexChange]]]) -> None:
        """Put it into use, after the changes that came in the meantime."""


class IndexRebuildService:
    """Builds the index from the database while the old one serves."""

    def __init__(
        self,
        fingerprint: Database,
        build: Callable[[], AbstractContextManager[IndexBuild]],
        tell: Callable[[], None] = _nobody,
    ) -> None:
        """``build`` begins a new index; ``tell`` is called when it is in use.

        Any fingerprint may have changed since copies of it were made.
        """
        self._tell = tell
        self._fingerprint = fingerprint
        self._build = build

    def total(self) -> int:
        """Return how many fingerprints the database has."""
        with self._fingerprint.reading() as connection:
            return count_fingerprints(connection)

    def rebuild(self, progress: Progress) -> int:
        """Build and put into use; return how many fingerprints were added.

        Raises:
            IndexLockedError: another process rebuilds or writes.
            DatabaseUnavailableError: the database does not answer; the old index stays.
        """
        added: set[int] = set()
        with self._build() as build:
            for batch in self._batches():
                build.add(batch)
                added.update(one.id for one in batch)
                progress(len(batch))
            build.commit(lambda: self._since(added))
        self._tell()
        return len(added)

    def _batches(self) -> Iterator[list[StoredFingerprint]]:
        with self._fingerprint.reading() as connection:
            for rows in fingerprint_batches(connection, BATCH):
                yield [_stored(row) for row in rows]

    def _since(self, added: set[int]) -> Iterator[list[IndexChange]]:
        """Yield what was committed, or deleted, since its turn to be read was over."""
        with self._fingerprint.reading() as connection:
            now = set(fingerprint_ids(connection))
            missing = sorted(now - added)
            for start in range(0, len(missing), BATCH):
                rows = fetch_fingerprints(connection, missing[start : start + BATCH])
                yield [_stored(row) for row in rows.values()]
        gone: list[IndexChange] = [IndexDelete(id) for id in sorted(added - now)]
        if gone:
            yield gone
        added |= now


def _stored(row: FingerprintRow) -> StoredFingerprint:
    return StoredFingerprint(row.id, row.duration, row.hashes)
