"""Whether an index that cannot be read from end to end holds what the database holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, Protocol

from fpservice.db.fingerprint.fingerprints import (
    FingerprintRow,
    fetch_fingerprints,
    fingerprint_batches,
    fingerprint_ids,
)
from fpservice.db.fingerprint.index_changes import queued_among
from fpservice.db.transaction import Database
from fpservice.domain.id_gaps import gaps
from fpservice.domain.index_query import query_terms
from fpservice.interfaces import FingerprintIndex
from fpservice.services.index_comparison import Difference

BATCH: Final = 1000
# So many fingerprints with all of another's terms, and it may stand behind them.
_LIMIT: Final = 10
_TIME_LIMIT: Final = 10.0


class ProbedIndex(FingerprintIndex, Protocol):
    """An index that can be asked for single fingerprints."""

    def has(self, fingerprint_id: int) -> bool:
        """Return whether the index has this fingerprint."""

    def id_bounds(self) -> tuple[int, int]:
        """Return the least and the greatest id it may have; (0, 0) if it is empty."""


class IndexProbeService:
    """Compares index and database while both go on changing, by asking.

    Each fingerprint of the database must be found by all of its terms; where ten others have all
    of them too, it is enough that the index knows its id. No other id may be known. What is not
    noticed: terms that a fingerprint has too many.
    """

    def __init__(self, fingerprint: Database, index: ProbedIndex) -> None:
        """Compare these."""
        self._fingerprint = fingerprint
        self._index = index

    def damage(self) -> Iterator[str]:
        """Yield nothing: the files are the server's."""
        return iter(())

    def differences(self, progress: Callable[[int], None]) -> list[Difference]:
        """Return what differs and is not about to be mended by a queued change.

        Raises:
            SearchUnavailableError: index or database do not answer.
        """
        suspects = [*self._unfound(progress), *self._strays()]
        found: list[Difference] = []
        for start in range(0, len(suspects), BATCH):
            found += self._look_again(suspects[start : start + BATCH])
        return found

    def _unfound(self, progress: Callable[[int], None]) -> Iterator[int]:
        with self._fingerprint.reading() as connection:
            for rows in fingerprint_batches(connection, BATCH):
                yield from (row.id for row in rows if not self._is_found(row))
                progress(len(rows))

    def _strays(self) -> Iterator[int]:
        low, high = self._index.id_bounds()
        with self._fingerprint.reading() as connection:
            missing = list(gaps(fingerprint_ids(connection), max(low, 1), high))
        return _flat(missing, self._index.has)

    def _look_again(self, ids: list[int]) -> Iterator[Difference]:
        with self._fingerprint.reading() as connection:
            queued = queued_among(connection, ids)
            rows = fetch_fingerprints(connection, ids)
        for id in ids:
            problem = None if id in queued else self._problem(id, rows.get(id))
            if problem:
                yield Difference(id, problem)

    def _problem(self, fingerprint_id: int, row: FingerprintRow | None) -> str | None:
        if row is not None and self._is_found(row):
            return None
        known = self._index.has(fingerprint_id)
        if row is None:
            return "not in the database" if known else None
        return "different in index and database" if known else "not in the index"

    def _is_found(self, row: FingerprintRow) -> bool:
        terms = query_terms(row.hashes)
        if not len(terms):
            return self._index.has(row.id)
        hits = self._index.search(
            terms, limit=_LIMIT, min_hits=len(terms), min_percent=100, timeout=_TIME_LIMIT
        )
        if any(hit.fingerprint_id == row.id for hit in hits):
            return True
        return len(hits) == _LIMIT and self._index.has(row.id)


def _flat(ranges: Iterable[range], wanted: Callable[[int], bool]) -> Iterator[int]:
    return (one for ids in ranges for one in ids if wanted(one))
