"""From a fingerprint to the stored fingerprints that sound like it."""

from __future__ import annotations

import time
from typing import Final

from fpservice.domain.errors import SearchUnavailableError
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import query_terms
from fpservice.domain.matching import Match, SearchPolicy, drop_far_behind, rank
from fpservice.domain.similarity import Comparison
from fpservice.domain.submission import MAX_DURATION
from fpservice.interfaces import (
    Candidates,
    FingerprintIndex,
    FingerprintSource,
    Hit,
    Metrics,
    StoredFingerprint,
)

_TIME_LIMIT: Final = 4.0
_TOO_LATE: Final = "the search was not finished in time"


class FingerprintSearch:
    """Asks the index for hits, fetches candidates, compares them."""

    def __init__(
        self,
        index: FingerprintIndex,
        source: FingerprintSource,
        policy: SearchPolicy,
        metrics: Metrics,
    ) -> None:
        """Search by ``policy``."""
        self._index = index
        self._source = source
        self._policy = policy
        self._metrics = metrics

    def find(
        self,
        hashes: Hashes,
        duration: int | None,
        max_difference: int,
        deadline: float | None = None,
    ) -> list[Match]:
        """Return matches by falling score.

        Args:
            hashes: the query, ``uint32[n]``.
            duration: seconds; None compares candidates of any duration.
            max_difference: how many seconds a candidate's duration may differ, inclusive.
            deadline: when all of it has to be done, as ``time.monotonic``, the same for all
                queries of a request; None: four seconds from now.

        Raises:
            SearchUnavailableError: not finished; an empty list would be a lie.
        """
        end = time.monotonic() + _TIME_LIMIT if deadline is None else deadline
        return self._find(hashes, duration, max_difference, end)

    def _find(
        self, hashes: Hashes, duration: int | None, max_difference: int, deadline: float
    ) -> list[Match]:
        terms = query_terms(hashes)
        if not len(terms):
            return []
        time_limit = deadline - time.monotonic()
        if time_limit <= 0:
            raise SearchUnavailableError(_TOO_LATE)
        with self._metrics.timed("lookup.index"):
            hits = self._index.search(
                terms,
                limit=self._policy.hits,
                min_percent=self._policy.min_hit_percent,
                timeout=time_limit,
            )
        with self._metrics.timed("lookup.fetch"):
            candidates = self._candidates(hits, duration, max_difference)
        if time.monotonic() > deadline:
            raise SearchUnavailableError(_TOO_LATE)
        with self._metrics.timed("lookup.compare"):
            matches = self._matches(hashes, candidates)
        if len(matches) < 2:
            return matches
        return drop_far_behind(rank(matches), dict(hits), self._policy.min_percent_of_better)

    def _candidates(self, hits: list[Hit], duration: int | None, max_difference: int) -> Candidates:
        ids = [fingerprint_id for fingerprint_id, _ in hits]
        number = self._policy.candidates
        if duration is None:
            return self._source.candidates(ids[:number], 0, MAX_DURATION, number)
        # No duration that is stored is longer; a question may ask for any number.
        low, high = max(duration - max_difference, 0), min(duration + max_difference, MAX_DURATION)
        return self._source.candidates(ids if low <= high else [], low, high, number)

    def _matches(self, hashes: Hashes, candidates: Candidates) -> list[Match]:
        policy = self._policy
        comparison = Comparison(hashes, policy.max_offset)
        matches = candidates.matches(comparison, policy.min_score)
        if not matches and policy.retry_beginning:
            beginning = len(hashes) + policy.max_offset
            matches = candidates.matches(comparison, policy.min_score, beginning)
        return matches

    def compare(self, hashes: Hashes, candidates: list[StoredFingerprint]) -> list[Match]:
        """Return those candidates whose score is over the policy's, ranked."""
        comparison = Comparison(hashes, self._policy.max_offset)
        scores = comparison.scores([candidate.hashes for candidate in candidates])
        return rank(
            Match(candidate.id, candidate.duration, score)
            for candidate, score in zip(candidates, scores, strict=True)
            if score > self._policy.min_score
        )
