"""Candidates of lookups from the database: an external index keeps query terms alone."""

from __future__ import annotations

from collections.abc import Sequence

from fpservice.db.fingerprint.fingerprints import (
    FingerprintRow,
    SurveyedRow,
    fetch_fingerprints,
    missing_fingerprints,
    survey_fingerprints,
)
from fpservice.db.transaction import Database
from fpservice.index.candidates import FetchedCandidates
from fpservice.interfaces import Candidates, StoredFingerprint


class DatabaseSource:
    """A ``FingerprintSource``: one query for all fingerprints of a lookup, of the replica if any.

    The index may be ahead of a replica; what that has not got yet is read from the database itself.
    """

    def __init__(self, fingerprint: Database, *, may_be_late: bool = True) -> None:
        """Read the database ``fingerprint``; not its replica unless that ``may_be_late``."""
        self._fingerprint = fingerprint
        self._has_replica = may_be_late and fingerprint.has_replica
        self._reading = fingerprint.reading_replica if may_be_late else fingerprint.reading

    def fetch(self, fingerprint_ids: Sequence[int]) -> list[StoredFingerprint]:
        """Return those that exist, in the order asked for.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        return _in_order(fingerprint_ids, self._rows(fingerprint_ids))

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return those that exist and last from ``low`` to ``high`` seconds; raises as ``fetch``.

        The hashes of the others are not read.
        """
        return _in_order(fingerprint_ids, self._rows(fingerprint_ids, (low, high)))

    def candidates(
        self, fingerprint_ids: Sequence[int], low: int, high: int, limit: int
    ) -> Candidates:
        """Return the first ``limit`` of what :meth:`fetch_within` returns; raises as ``fetch``."""
        return FetchedCandidates(self.fetch_within(fingerprint_ids, low, high)[:limit])

    def survey(self, fingerprint_ids: Sequence[int], low: int, high: int) -> list[SurveyedRow]:
        """Return those that exist, with hashes where :meth:`fetch_within` has them.

        In no particular order; raises as ``fetch``.
        """
        with self._reading() as connection:
            rows = survey_fingerprints(connection, fingerprint_ids, (low, high))
        late = [id for id in fingerprint_ids if id not in rows]
        if late and self._has_replica:
            with self._fingerprint.reading() as connection:
                rows |= survey_fingerprints(connection, late, (low, high))
        return list(rows.values())

    def _rows(
        self, ids: Sequence[int], seconds: tuple[int, int] | None = None
    ) -> dict[int, FingerprintRow]:
        late: Sequence[int] = ()
        with self._reading() as connection:
            rows = fetch_fingerprints(connection, ids, seconds)
            if self._has_replica:
                late = missing_fingerprints(connection, [id for id in ids if id not in rows])
        if late:
            with self._fingerprint.reading() as connection:
                rows |= fetch_fingerprints(connection, late, seconds)
        return rows


def _in_order(ids: Sequence[int], rows: dict[int, FingerprintRow]) -> list[StoredFingerprint]:
    found = (rows[id] for id in ids if id in rows)
    return [StoredFingerprint(row.id, row.duration, row.hashes) for row in found]
