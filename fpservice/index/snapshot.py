"""What a reader sees at one moment: segments, the newest changes, and the log behind both."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice.domain.errors import IndexUnavailableError
from fpservice.domain.fingerprint import Hashes
from fpservice.index.delta import GONE, Delta
from fpservice.index.log import LogView
from fpservice.index.manifest import Manifest
from fpservice.index.record import FINGERPRINT, MAX_DURATION, MAX_ID, distinct_terms
from fpservice.index.segment import Segment
from fpservice.index.segment_search import TOO_LONG, SegmentSearch
from fpservice.index.state import Marks
from fpservice.interfaces import Hit, StoredFingerprint

Uint32s = NDArray[np.uint32]
NOWHERE: Final = 0


@dataclass(frozen=True, slots=True)
class Snapshot:
    """An immutable view of one generation; ``changes`` of the delta belong to it."""

    marks: Marks
    path: Path
    manifest: Manifest
    segments: tuple[Segment, ...]
    segment_search: SegmentSearch
    log: LogView
    delta: Delta
    changes: int
    end: int

    def search(
        self, terms: Hashes, limit: int, min_hits: int, min_percent: int, deadline: float
    ) -> list[Hit]:
        """Return hits as :class:`FingerprintIndex` says; ``deadline`` as ``time.monotonic``.

        Raises:
            IndexUnavailableError: the deadline has passed.
            ValueError: the files make no sense.
        """
        if limit < 1 or not len(terms):
            return []
        if self.segment_search.native is not None:
            return self._search_native(terms, limit, min_hits, min_percent, deadline)
        wanted = distinct_terms(terms.astype(np.uint32, copy=False))
        ids, hits = self.segment_search.count(wanted, deadline)
        if self.changes:
            ids, hits = self._with_changes(wanted, ids, hits)
        return best_hits(ids, hits, limit, min_hits, min_percent)

    def _search_native(
        self, terms: Hashes, limit: int, min_hits: int, min_percent: int, deadline: float
    ) -> list[Hit]:
        assert self.segment_search.native is not None
        try:
            return self.segment_search.native.search(
                Hit,
                np.ascontiguousarray(terms, dtype=np.uint32),
                self.delta.native,
                self.changes,
                _natural(limit),
                _natural(min_hits),
                _natural(min_percent),
                self.segment_search.gather_limit,
                deadline - time.monotonic(),
            )
        except TimeoutError as error:
            raise IndexUnavailableError(TOO_LONG) from error

    def _with_changes(
        self, wanted: Uint32s, ids: Uint32s, hits: NDArray[np.int64]
    ) -> tuple[Uint32s, NDArray[np.int64]]:
        delta, changes = self.delta, self.changes
        kept = delta.untouched(ids.tolist(), changes)
        if kept is not None:
            ids, hits = ids[kept], hits[kept]
        newest = delta.hits(wanted.tolist(), changes)
        if newest:
            ids = np.concatenate((ids, np.array(list(newest), dtype=np.uint32)))
            hits = np.concatenate((hits, np.array(list(newest.values()), dtype=np.int64)))
        return ids, hits

    def positions(
        self, fingerprint_ids: Sequence[int], low: int = 0, high: int = MAX_DURATION
    ) -> list[int]:
        """Return where in the log each fingerprint stands that lasts ``low`` to ``high`` seconds.

        NOWHERE for the others; their records are not touched.
        """
        known = [one if 0 < one <= MAX_ID else 0 for one in fingerprint_ids]
        wanted = np.array(known, dtype=np.uint32)
        positions = np.zeros(len(wanted), dtype=np.int64)
        for segment in self.segments:
            local, found = segment.find(wanted)
            if found.any():
                local = local[found]
                durations = segment.durations[local]
                fits = (durations >= low) & (durations <= high)
                positions[found] = np.where(fits, segment.positions[local], NOWHERE)
        answer: list[int] = positions.tolist()
        if self.changes:
            for place, one in enumerate(known):
                event = self.delta.latest(one, self.changes)
                if event is not None:
                    there = event.position != GONE and low <= event.duration <= high
                    answer[place] = event.position if there else NOWHERE
        return answer

    def fetch(self, fingerprint_ids: Sequence[int], low: int, high: int) -> list[StoredFingerprint]:
        """Return the fingerprints whose duration is within these bounds, in the order asked.

        Raises:
            ValueError: the files make no sense.
        """
        places = self.locate(fingerprint_ids, low, high, len(fingerprint_ids))
        return [self.log.fingerprint(place) for place in places]

    def locate(self, fingerprint_ids: Sequence[int], low: int, high: int, limit: int) -> list[int]:
        """Return where in the log the first ``limit`` stand that :meth:`fetch` would return.

        Raises:
            ValueError: the files make no sense.
        """
        native, log = self.segment_search.native, self.log
        if native is not None:
            bounds = (_natural(low), _natural(high), _natural(limit))
            ids = fingerprint_ids if isinstance(fingerprint_ids, list) else list(fingerprint_ids)
            return native.locate(ids, self.delta.native, self.changes, log.data, *bounds)
        found: list[int] = []
        for position in self.positions(fingerprint_ids, low, high):
            if len(found) >= limit:
                break
            if position != NOWHERE and log.header(position)[3] == FINGERPRINT:
                found.append(position)
        return found

    def count(self) -> int:
        """Return the number of documents."""
        covered = sum(entry.live for entry in self.manifest.segments)
        changed = self.delta.changed(self.changes)
        touched = np.array(list(changed), dtype=np.uint32)
        replaced = sum(int(segment.find(touched)[1].sum()) for segment in self.segments)
        inserted = sum(event.position != GONE for event in changed.values())
        return covered - replaced + inserted

    def size_bytes(self) -> int:
        """Return the bytes in use."""
        return self.end + sum(segment.size for segment in self.segments)


def _natural(number: int) -> int:
    """Return the number that the extension can take: nothing there is below 0 or beyond 2**32."""
    return min(max(number, 0), 2**32)


def best_hits(
    ids: Uint32s, hits: NDArray[np.int64], limit: int, min_hits: int, min_percent: int
) -> list[Hit]:
    """Return the best, hits falling, then id rising."""
    if not len(ids):
        return []
    best = int(hits.max())
    least = max(min_hits, -(-best * min_percent // 100))
    if least > 1:
        enough = hits >= least
        ids, hits = ids[enough], hits[enough]
    keys = (np.uint64(best) - hits.astype(np.uint64)) << np.uint64(32) | ids
    keys.sort()
    chosen = keys[:limit].tolist()
    return [Hit(key & 0xFFFF_FFFF, best - (key >> 32)) for key in chosen]
