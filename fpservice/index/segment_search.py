"""Counting, over all segments at once, how many of a query's terms each document has."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.segment import Segment
from fpservice.kernels import NativeKernels, NativeSegments

Uint32s = NDArray[np.uint32]
Counts = NDArray[np.int64]
Places = NDArray[np.intp]
# Beyond so many postings a query is counted term by term, in bounded memory.
GATHER_LIMIT: Final = 1 << 18
TOO_LONG: Final = "the index search took too long"
_COUNTING: Final = np.arange(GATHER_LIMIT)
_NO_IDS: Final = np.empty(0, dtype=np.uint32)
_NO_COUNTS: Final = np.empty(0, dtype=np.int64)


class SegmentSearch:
    """Searches a fixed list of segments.

    Documents of all segments are numbered through: a document's ordinal is its local number plus
    the number of documents in the segments before its own.

    Attributes:
        native: the same segments in the extension, or None.
        gather_limit: queries that meet more postings go term by term, or document by document.
    """

    def __init__(
        self,
        segments: Sequence[Segment],
        gather_limit: int = GATHER_LIMIT,
        extension: NativeKernels | None = None,
    ) -> None:
        """Prepare; queries that meet more than ``gather_limit`` postings go term by term."""
        self._segments = [segment for segment in segments if len(segment.postings)]
        self.gather_limit = min(gather_limit, GATHER_LIMIT)
        self.native: NativeSegments | None = None
        if extension is not None:
            self.native = extension.Segments(_arrays(segments))
        documents = [len(segment.ids) for segment in self._segments]
        self._bases = np.concatenate(([0], np.cumsum(documents))).astype(np.uint32)
        shifts = [[segment.entry_shift] for segment in self._segments]
        self._entry_shifts = np.array(shifts, dtype=np.uint32)
        local_bits = [[segment.local_bits] for segment in self._segments]
        self._local_bits = np.array(local_bits, dtype=np.uint32)
        dead = [segment.dead + self._bases[i] for i, segment in enumerate(self._segments)]
        self._dead = np.concatenate([_NO_IDS, *dead])

    def count(self, terms: Uint32s, deadline: float) -> tuple[Uint32s, Counts]:
        """Return (ids, hits) of all live documents that have any of the terms.

        ``terms`` are uint32[m], distinct, without low bits; ``deadline`` as ``time.monotonic``.
        An id may come twice only if it is alive in two segments, which writers never leave so.

        Raises:
            IndexUnavailableError: the deadline has passed.
            ValueError: the files make no sense.
        """
        if not self._segments or not len(terms):
            return _NO_IDS, _NO_COUNTS
        low, lengths = self._ranges(terms)
        reached = lengths.cumsum()
        _check(deadline)
        if int(reached[-1]) > self.gather_limit:
            ordinals, hits = self._count_by_term(terms, low, lengths, deadline)
        else:
            ordinals, hits = _tally(self._gather(terms, low, lengths, reached))
        if len(self._dead) and len(ordinals):
            place = self._dead.searchsorted(ordinals)
            alive = self._dead.take(place, mode="clip") != ordinals
            ordinals, hits = ordinals[alive], hits[alive]
        return self._ids(ordinals), hits

    def _ranges(self, terms: Uint32s) -> tuple[Uint32s, Places]:
        """Return (first posting, number of postings) of each term's directory entry.

        Both are flat: all terms of the first segment, all of the second, and so on.
        """
        entries = (terms >> self._entry_shifts).astype(np.intp)
        following = entries + 1
        low = np.empty(entries.shape, dtype=np.uint32)
        high = np.empty(entries.shape, dtype=np.uint32)
        for which, part in enumerate(self._segments):
            # Entries are in range by their shift; clipping spares numpy a buffer.
            part.starts.take(entries[which], out=low[which], mode="clip")
            part.starts.take(following[which], out=high[which], mode="clip")
            if (low[which] > high[which]).any() or int(high[which].max()) > len(part.postings):
                raise ValueError(f"postings out of range in {part.path}")
        return low.ravel(), (high - low).ravel().astype(np.intp)

    def _gather(self, terms: Uint32s, low: Uint32s, lengths: Places, reached: Places) -> Uint32s:
        """Return the ordinals of all postings of the terms, one for each hit."""
        place = (low - reached + lengths).repeat(lengths)
        place += _COUNTING[: len(place)]
        # A posting is the rest of its term above the local number: XOR leaves the local number
        # where the terms are equal, and something larger where they are not.
        rest = (terms << self._local_bits).ravel().repeat(lengths)
        found = []
        start = 0
        ends = reached[len(terms) - 1 :: len(terms)].tolist()
        for part, base, end in zip(self._segments, self._bases, ends, strict=False):
            local = part.postings.take(place[start:end], mode="clip") ^ rest[start:end]
            local = local[local < part.local_limit]
            if len(local) and int(local.max()) >= len(part.ids):
                raise ValueError(f"document out of range in {part.path}")
            found.append(local + base)
            start = end
        return found[0] if len(found) == 1 else np.concatenate(found)

    def _count_by_term(
        self, terms: Uint32s, low: Uint32s, lengths: Places, deadline: float
    ) -> tuple[Uint32s, Counts]:
        hits = np.zeros(int(self._bases[-1]), dtype=np.uint32)
        shape = (len(self._segments), len(terms))
        first, count = low.reshape(shape), lengths.reshape(shape)
        for which, part in enumerate(self._segments):
            base = int(self._bases[which])
            local_hits = hits[base : base + len(part.ids)]
            rest = terms << part.local_bits
            for term, start, length in zip(rest, first[which], count[which], strict=True):
                local = part.postings[start : start + length] ^ term
                # No document has a term twice, so each place is added to once.
                local_hits[local[local < part.local_limit]] += 1
                _check(deadline)
        ordinals = np.flatnonzero(hits)
        return ordinals.astype(np.uint32), hits[ordinals].astype(np.int64)

    def _ids(self, ordinals: Uint32s) -> Uint32s:
        """Return the ids of rising ordinals."""
        if len(self._segments) == 1:
            return self._segments[0].ids[ordinals]
        edges = ordinals.searchsorted(self._bases).tolist()
        found = [
            part.ids[ordinals[edges[i] : edges[i + 1]] - self._bases[i]]
            for i, part in enumerate(self._segments)
            if edges[i] < edges[i + 1]
        ]
        return np.concatenate(found) if found else _NO_IDS


def _arrays(segments: Sequence[Segment]) -> list[tuple[Any, ...]]:
    return [
        (
            part.ids,
            part.positions,
            part.durations,
            part.starts,
            part.postings,
            part.dead,
            part.shape.bits,
        )
        for part in segments
    ]


def _tally(ordinals: Uint32s) -> tuple[Uint32s, Counts]:
    """Return (distinct ordinals, rising; how often each came)."""
    if not len(ordinals):
        return _NO_IDS, _NO_COUNTS
    ordinals.sort()
    last = (ordinals[1:] != ordinals[:-1]).nonzero()[0]
    edges = np.empty(len(last) + 2, dtype=np.int64)
    edges[0], edges[1:-1], edges[-1] = -1, last, len(ordinals) - 1
    return ordinals[edges[1:]], edges[1:] - edges[:-1]


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise IndexUnavailableError(TOO_LONG)
