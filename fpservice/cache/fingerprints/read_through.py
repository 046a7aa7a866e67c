"""Candidates of lookups from the file of shared fingerprints, and from the database otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from fpservice.cache.fingerprints.mapped_file import MappedFile
from fpservice.cache.fingerprints.shared_file import NAME, STORAGE, FingerprintFile
from fpservice.domain.matching import Match
from fpservice.domain.similarity import Comparison
from fpservice.index.candidates import FetchedCandidates, MappedCandidates
from fpservice.index.database_source import DatabaseSource
from fpservice.interfaces import Candidates, Metrics, StoredFingerprint

# Durations are at most this in any database.
_ENDLESS: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class JoinedCandidates:
    """``Candidates`` of which some are mapped and some were fetched."""

    parts: tuple[Candidates, ...]

    def matches(self, comparison: Comparison, min_score: float, beginning: int = 0) -> list[Match]:
        """Return those with a score over ``min_score``, in no particular order."""
        return [
            match for part in self.parts for match in part.matches(comparison, min_score, beginning)
        ]


@dataclass(frozen=True, slots=True)
class _Found:
    """The answer to a question: where records begin in the file, and what was fetched, by id."""

    view: MappedFile
    positions: dict[int, int]
    fetched: dict[int, StoredFingerprint]

    def first(self, ids: Sequence[int], limit: int) -> list[int]:
        """Return the first ids that were found, in the order asked for."""
        return [one for one in ids if one in self.positions or one in self.fetched][:limit]

    def fingerprint(self, fingerprint_id: int) -> StoredFingerprint:
        """Return one that was found."""
        if fingerprint_id in self.positions:
            return self.view.fingerprint(self.positions[fingerprint_id])
        return self.fetched[fingerprint_id]


class ReadThroughSource:
    """A ``FingerprintSource`` that asks the database for what the file does not have, and adds it.

    What it gives may be as old as the file's time to live. Methods raise what the database does,
    and only where it has to be asked.
    """

    def __init__(self, file: FingerprintFile, database: DatabaseSource, metrics: Metrics) -> None:
        """Put ``file`` in front of ``database``."""
        self._file = file
        self._database = database
        self._metrics = metrics

    def fetch(self, fingerprint_ids: Sequence[int]) -> list[StoredFingerprint]:
        """Return those that exist, in the order asked for; hashes may be read-only views."""
        return self.fetch_within(fingerprint_ids, 0, _ENDLESS)

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return those that exist and last from ``low`` to ``high`` seconds, as ``fetch`` does."""
        number = len(fingerprint_ids)
        found = self._find(fingerprint_ids, low, high, number)
        if found is None:
            return self._database.fetch_within(fingerprint_ids, low, high)
        return [found.fingerprint(one) for one in found.first(fingerprint_ids, number)]

    def candidates(
        self, fingerprint_ids: Sequence[int], low: int, high: int, limit: int
    ) -> Candidates:
        """Return the first ``limit`` of what ``fetch_within`` would, those of the file unread."""
        found = self._find(fingerprint_ids, low, high, limit)
        if found is None:
            return self._database.candidates(fingerprint_ids, low, high, limit)
        first = found.first(fingerprint_ids, limit)
        positions = [found.positions[one] for one in first if one in found.positions]
        mapped = MappedCandidates(found.view, positions)
        if len(positions) == len(first):
            return mapped
        fetched = [found.fetched[one] for one in first if one in found.fetched]
        return JoinedCandidates((mapped, FetchedCandidates(fetched)))

    def forget(self, fingerprint_ids: Sequence[int]) -> None:
        """Let the file have nothing of these any more, as they have changed; never raises."""
        self._file.forget(fingerprint_ids)

    def clear(self) -> None:
        """Let the file have nothing any more; never raises."""
        self._file.clear()

    def _find(self, ids: Sequence[int], low: int, high: int, limit: int) -> _Found | None:
        """Return where the first ``limit`` are, and perhaps more; None if there is no file."""
        view = self._file.view()
        if view is None:
            self._count(0, len(ids))
            return None
        changes = view.changes
        located = self._file.locate(view, ids, low, high, limit)
        self._count(len(located.positions), len(located.unknown))
        fetched: dict[int, StoredFingerprint] = {}
        if located.unknown:
            fetched = self._read(view, changes, located.unknown, low, high)
        return _Found(view, located.positions, fetched)

    def _read(
        self, view: MappedFile, changes: int, ids: Sequence[int], low: int, high: int
    ) -> dict[int, StoredFingerprint]:
        now = self._file.now()
        rows = self._database.survey(ids, low, high)
        self._file.fill(view, changes, rows, now)
        return {
            row.id: StoredFingerprint(row.id, row.duration, row.hashes)
            for row in rows
            if row.hashes is not None
        }

    def _count(self, hits: int, misses: int) -> None:
        for outcome, number in (("cache.hits", hits), ("cache.misses", misses)):
            if number:
                self._metrics.count(outcome, number, cache=NAME, storage=STORAGE)
