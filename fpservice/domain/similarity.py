"""How alike two fingerprints sound: the comparison score of the AcoustID field.

Each hash votes, by its top 14 bits, for the offset that lays one fingerprint over the other; at the
offset with most votes the differing bits are counted. Scores of unrelated audio are near 0, of the
same audio near 1. The thresholds of lookups and of the import were made for this scale.

Source of the algorithm: AcoustID's ``acoustid_compare2``; equal to it to 1e-6 (as float32).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice import kernels
from fpservice.domain.fingerprint import Hashes
from fpservice.kernels import NativeComparison

MAX_OFFSET: Final = 80
KEY_BITS: Final = 14
KEYS: Final = 1 << KEY_BITS
_KEY_SHIFT: Final = np.uint32(32 - KEY_BITS)
# Key 16383 does not vote.
_SILENT_KEY: Final = KEYS - 1
MIN_VOTE_SHARE: Final = 0.02

Keys = NDArray[np.uint32]


class Comparison:
    """One query fingerprint, prepared for being compared with many.

    Attributes:
        native: the query in the kernels in C, or None where they are not in use.
    """

    def __init__(self, query: Hashes, max_offset: int = MAX_OFFSET) -> None:
        """Prepare ``uint32[n]``; offsets beyond ``max_offset`` hashes do not vote (0: no limit)."""
        extension = kernels.native
        self.native: NativeComparison | None = None
        self._numpy: _NumpyComparison | None = None
        if extension is None:
            self._numpy = _NumpyComparison(query, max_offset)
        else:
            self.native = extension.Comparison(_contiguous(query), max_offset)

    def score(self, candidate: Hashes) -> float:
        """Return the score of one candidate ``uint32[m]``, 0 ... 1."""
        if self._numpy is not None:
            return self._numpy.score(candidate)
        return self.scores([candidate])[0]

    def scores(self, candidates: Sequence[Hashes]) -> list[float]:
        """Return the score of each candidate."""
        if self._numpy is not None:
            return self._numpy.scores(candidates)
        assert self.native is not None
        return self.native.scores([_contiguous(candidate) for candidate in candidates])


def _contiguous(hashes: Hashes) -> Hashes:
    return np.ascontiguousarray(hashes, dtype=np.uint32)


class _NumpyComparison:
    def __init__(self, query: Hashes, max_offset: int) -> None:
        self._query = query
        self._max_offset = max_offset
        self._query_keys = _keys(query)
        table = _last_positions(self._query_keys)
        self._voters = np.flatnonzero(table)
        self._positions = table[self._voters]
        self._distinct = _distinct(self._query_keys)

    def score(self, candidate: Hashes) -> float:
        if not len(candidate) or not len(self._query):
            return 0.0
        keys = _keys(candidate)
        offsets = self._offsets(_last_positions(keys)[self._voters])
        if not len(offsets):
            return 0.0
        offset, votes = _winner(offsets)
        return self._score_at(candidate, keys, offset, votes)

    def scores(self, candidates: Sequence[Hashes]) -> list[float]:
        """Return the score of each candidate.

        The most votes that any offset of a candidate could get are counted for all at once; only
        candidates that can reach the least share of votes are compared in full.
        """
        if not candidates or not len(self._query):
            return [0.0] * len(candidates)
        hopeful = self._hopeful(candidates)
        return [
            self.score(candidate) if hope else 0.0
            for candidate, hope in zip(candidates, hopeful, strict=True)
        ]

    def _hopeful(self, candidates: Sequence[Hashes]) -> list[bool]:
        if len(candidates) < 3 or not self._max_offset:
            return [True] * len(candidates)
        lengths = [len(candidate) for candidate in candidates]
        keys = _keys(np.concatenate(candidates))
        rows = np.repeat(np.arange(len(candidates)), lengths)
        within = np.arange(len(keys)) - np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
        table = np.zeros((len(candidates), KEYS), dtype=np.int32)
        table[rows, keys] = within
        met = table[:, self._voters]
        offset = self._positions - met
        valid = (met != 0) & (np.abs(offset) <= self._max_offset)
        width = 2 * self._max_offset + 1
        slot = np.nonzero(valid)[0] * width + (offset[valid] + self._max_offset)
        votes = np.bincount(slot, minlength=len(candidates) * width)
        best = votes.reshape(len(candidates), width).max(axis=1)
        # What is cut off before counting can hold at most max_offset of the query's keys.
        needed = MIN_VOTE_SHARE * (self._distinct - self._max_offset)
        hopeful: list[bool] = ((best > 0) & (best >= needed)).tolist()
        return hopeful

    def _offsets(self, met: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the voted offsets in rising order of their keys."""
        offsets: NDArray[np.int32] = (self._positions - met)[met != 0]
        if self._max_offset:
            offsets = offsets[np.abs(offsets) <= self._max_offset]
        return offsets

    def _score_at(self, candidate: Hashes, keys: Keys, offset: int, votes: int) -> float:
        shorter = min(len(self._query), len(candidate)) & ~1
        skip_query, skip_candidate = max(offset, 0), max(-offset, 0)
        query, candidate = self._query[skip_query:], candidate[skip_candidate:]
        size = min(len(query), len(candidate)) // 2 * 2
        if not size or not shorter:
            return 0.0
        unique_query = _distinct(self._query_keys[skip_query:])
        unique_candidate = _distinct(keys[skip_candidate:])
        if votes < MIN_VOTE_SHARE * max(unique_query, unique_candidate):
            return 0.0
        errors = int(np.bitwise_count(query[:size] ^ candidate[:size]).sum(dtype=np.int64))
        score = max(0.0, size / shorter * (1.0 - 2.0 * errors / (32.0 * size)))
        diversity = min(
            1.0,
            (unique_query + 10) / len(query) + 0.5,
            (unique_candidate + 10) / len(candidate) + 0.5,
        )
        return float(score ** (8.0 - 7.0 * diversity)) if diversity < 1.0 else score


def similarity(query: Hashes, candidate: Hashes, max_offset: int = MAX_OFFSET) -> float:
    """Return the score of two fingerprints ``uint32[n]`` and ``uint32[m]``, 0 ... 1."""
    return Comparison(query, max_offset).score(candidate)


def _keys(hashes: Hashes) -> Keys:
    return hashes >> _KEY_SHIFT


def _distinct(keys: Keys) -> int:
    """Return the number of different keys; a tenth of the time that sorting them takes."""
    seen = np.zeros(KEYS, dtype=np.bool_)
    seen[keys] = True
    return int(np.count_nonzero(seen))


def _last_positions(keys: Keys) -> NDArray[np.int32]:
    """Return, for each key, the last position where it stands; 0 where it stands nowhere.

    Position 0 therefore counts as absent, as in the original.
    """
    table = np.zeros(KEYS, dtype=np.int32)
    table[keys] = np.arange(len(keys), dtype=np.int32)
    table[_SILENT_KEY] = 0
    return table


def _winner(offsets: NDArray[np.int32]) -> tuple[int, int]:
    """Return (offset, votes) of the most voted offset; of equals, the first to have them all."""
    lowest = int(offsets.min())
    counts = np.bincount(offsets - lowest)
    votes = int(counts.max())
    tied = np.flatnonzero(counts == votes)
    if len(tied) == 1:
        return int(tied[0]) + lowest, votes
    complete = [int(np.flatnonzero(offsets - lowest == one)[-1]) for one in tied]
    return int(tied[int(np.argmin(complete))]) + lowest, votes
