"""Whether the index holds what the database holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from fpservice.db.fingerprint.fingerprints import (
    FingerprintRow,
    fetch_fingerprints,
    fingerprint_batches,
)
from fpservice.db.fingerprint.index_changes import queued_among
from fpservice.db.transaction import Database
from fpservice.interfaces import FingerprintSource, StoredFingerprint

BATCH: Final = 1000


class ReadableIndex(FingerprintSource, Protocol):
    """An index that can be read from end to end."""

    def fingerprints(self) -> Iterator[StoredFingerprint]:
        """Yield all fingerprints by rising id."""

    def verify(self) -> Iterator[str]:
        """Yield what is wrong with the index itself, in words."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A fingerprint that index and database do not agree about."""

    fingerprint_id: int
    problem: str


class IndexComparisonService:
    """Compares index and database while both go on changing."""

    def __init__(self, fingerprint: Database, index: ReadableIndex) -> None:
        """Compare these."""
        self._fingerprint = fingerprint
        self._index = index

    def damage(self) -> Iterator[str]:
        """Yield what is wrong with the index itself."""
        return self._index.verify()

    def differences(self, progress: Callable[[int], None]) -> list[Difference]:
        """Return what differs and is not about to be mended by a queued change.

        Raises:
            SearchUnavailableError: index or database do not answer.
        """
        suspects = list(self._suspects(progress))
        found = []
        for start in range(0, len(suspects), BATCH):
            found += self._look_again(suspects[start : start + BATCH])
        return found

    def _suspects(self, progress: Callable[[int], None]) -> Iterator[int]:
        """Walk through both by id; what was changed meanwhile may come out as different."""
        with self._fingerprint.reading() as connection:
            rows = (row for batch in fingerprint_batches(connection, BATCH) for row in batch)
            for row, indexed in _paired(rows, self._index.fingerprints()):
                progress(1)
                if _problem(row, indexed):
                    known = row or indexed
                    assert known is not None
                    yield known.id

    def _look_again(self, ids: list[int]) -> list[Difference]:
        indexed = {one.id: one for one in self._index.fetch(ids)}
        with self._fingerprint.reading() as connection:
            rows = fetch_fingerprints(connection, ids)
            queued = queued_among(connection, ids)
        problems = {id: _problem(rows.get(id), indexed.get(id)) for id in ids if id not in queued}
        return [Difference(id, problem) for id, problem in problems.items() if problem]


def _paired(
    rows: Iterable[FingerprintRow], indexed: Iterable[StoredFingerprint]
) -> Iterator[tuple[FingerprintRow | None, StoredFingerprint | None]]:
    """Merge two sequences of rising ids."""
    left, right = iter(rows), iter(indexed)
    row, stored = next(left, None), next(right, None)
    while row is not None or stored is not None:
        if stored is None or (row is not None and row.id < stored.id):
            yield row, None
            row = next(left, None)
        elif row is None or stored.id < row.id:
            yield None, stored
            stored = next(right, None)
        else:
            yield row, stored
            row, stored = next(left, None), next(right, None)


def _problem(row: FingerprintRow | None, indexed: StoredFingerprint | None) -> str | None:
    if row is None and indexed is None:
        return None
    if indexed is None:
        return "not in the index"
    if row is None:
        return "not in the database"
    if row.duration != indexed.duration or not np.array_equal(row.hashes, indexed.hashes):
        return "different in index and database"
    return None
