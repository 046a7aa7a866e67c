"""What a query is compared with: fingerprints that were fetched, or records where they stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fpservice.domain.matching import Match
from fpservice.domain.similarity import Comparison
from fpservice.index.log import RecordMap
from fpservice.interfaces import StoredFingerprint


@dataclass(frozen=True, slots=True)
class FetchedCandidates:
    """``Candidates`` that are in memory already."""

    fingerprints: Sequence[StoredFingerprint]

    def matches(self, comparison: Comparison, min_score: float, beginning: int = 0) -> list[Match]:
        """Return those with a score over ``min_score``, in no particular order."""
        compared = self.fingerprints
        if beginning:
            compared = list(_beginnings(compared, beginning))
        scores = comparison.scores([one.hashes for one in compared])
        return [
            Match(one.id, one.duration, score)
            for one, score in zip(compared, scores, strict=True)
            if score > min_score
        ]


@dataclass(frozen=True, slots=True)
class MappedCandidates:
    """``Candidates`` in a mapped file, at positions where fingerprints stand.

    The kernels in C compare them in place; no array is made of any.
    """

    log: RecordMap
    positions: list[int]

    def matches(self, comparison: Comparison, min_score: float, beginning: int = 0) -> list[Match]:
        """Return those with a score over ``min_score``, in no particular order."""
        native = comparison.native
        if native is not None:
            found = native.matches(self.log.data, self.positions, min_score, beginning)
            return [Match(*one) for one in found]
        fetched = [self.log.fingerprint(position) for position in self.positions]
        return FetchedCandidates(fetched).matches(comparison, min_score, beginning)


def _beginnings(
    candidates: Iterable[StoredFingerprint], length: int
) -> Iterable[StoredFingerprint]:
    for one in candidates:
        if len(one.hashes) > length:
            yield StoredFingerprint(one.id, one.duration, one.hashes[:length])
