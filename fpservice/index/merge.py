"""Merging segments, so that searches have few to look into.

Run as ``python -m fpservice.index.merge GENERATION MAX_SEGMENTS``: a process of its own, at low
priority, that ends when nothing is left to merge. Killed, it leaves files that the next writer
removes.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice.domain.errors import IndexLockedError
from fpservice.index import layout, lock, manifest
from fpservice.index.generation_writer import GenerationWriter
from fpservice.index.layout import MERGE_LOCK, MERGED, WRITE_LOCK
from fpservice.index.lock import ProcessLock
from fpservice.index.manifest import SegmentEntry
from fpservice.index.merge_result import MergeResult, output_name, store_result
from fpservice.index.segment import Segment
from fpservice.index.segment_layout import MAX_DOCUMENTS, MIN_BITS, TERM_BITS
from fpservice.index.segment_writer import Documents, SegmentWriter, sorted_keys, split_keys

Uint32s = NDArray[np.uint32]
# A segment is merged with all smaller ones once they are together more than a third of its size:
# with four segments, a document is rewritten about ten times on the way to a million.
_RATIO: Final = 3
# Its arrays, some 30 bytes a posting, have to leave room in the processor's caches for others.
_PIECE_POSTINGS: Final = 1 << 17
# After each piece, so many times as long as it took: whoever searches has the machine meanwhile.
_REST: Final = 2.0
_DEAD: Final = 0xFFFF_FFFF
_LOCK_SECONDS: Final = 0.2
_logger: Final = logging.getLogger(__name__)


def merge_plan(segments: Sequence[SegmentEntry], max_segments: int) -> list[SegmentEntry]:
    """Return the segments to merge next; empty if there are no more than ``max_segments``.

    Sizes are kept falling geometrically, so that a document is rewritten a few times only. A
    segment that is dead for the most part is rewritten alone.
    """
    falling = sorted(segments, key=lambda entry: -entry.documents)
    if len(falling) <= max_segments:
        return next(([entry] for entry in falling if entry.dead > entry.live), [])
    first = max(max_segments - 1, 0)
    total = sum(entry.live for entry in falling[first:])
    while first and falling[first - 1].live < _RATIO * total:
        if total + falling[first - 1].live > MAX_DOCUMENTS:
            break
        first -= 1
        total += falling[first].live
    return falling[first:]


def merge_segments(path: Path, entries: Sequence[SegmentEntry], rest: float = 0.0) -> MergeResult:
    """Write the live documents of segments of a generation directory as one segment, durably.

    Memory is bounded by the number of documents (30 bytes each) and a piece of the postings; after
    each piece this thread sleeps ``rest`` times as long as it took.

    Raises:
        FileNotFoundError: an input is gone: somebody else has merged it.
    """
    segments = [Segment(path, entry) for entry in entries]
    documents, places = _documents(segments)
    most = sum(len(segment.postings) for segment in segments)
    name = output_name()
    with SegmentWriter(path / name, documents, most) as writer:
        for first, last in _pieces(segments):
            began = time.monotonic()
            pairs = [
                _postings(segment, place, first, last)
                for segment, place in zip(segments, places, strict=True)
            ]
            terms = np.concatenate([terms for terms, _ in pairs])
            local = np.concatenate([local for _, local in pairs])
            writer.write(*split_keys(sorted_keys(terms, local)))
            if rest:
                time.sleep(rest * (time.monotonic() - began))
        count = writer.finish()
    return MergeResult(tuple(entry.name for entry in entries), SegmentEntry(name, count))


def _documents(segments: Sequence[Segment]) -> tuple[Documents, list[Uint32s]]:
    """Return all live documents by id, and for each segment the new local numbers of its own."""
    alive = [~segment.is_dead(np.arange(len(segment.ids))) for segment in segments]
    pairs = list(zip(segments, alive, strict=True))
    ids = np.concatenate([segment.ids[live] for segment, live in pairs])
    order = np.argsort(ids, kind="stable")
    new = np.empty(len(ids), dtype=np.uint32)
    new[order] = np.arange(len(ids), dtype=np.uint32)
    places = []
    start = 0
    for live in alive:
        place = np.full(len(live), _DEAD, dtype=np.uint32)
        count = int(np.count_nonzero(live))
        place[live] = new[start : start + count]
        places.append(place)
        start += count
    positions = np.concatenate([segment.positions[live] for segment, live in pairs])
    durations = np.concatenate([segment.durations[live] for segment, live in pairs])
    return Documents(ids[order], positions[order], durations[order]), places


def _pieces(segments: Sequence[Segment]) -> Iterator[tuple[int, int]]:
    """Yield ranges of terms (their top bits, first and last + 1) with a bounded sum of postings."""
    sizes = np.zeros(1 << MIN_BITS, dtype=np.int64)
    for segment in segments:
        edges = segment.starts[:: 1 << (segment.shape.bits - MIN_BITS)].astype(np.int64)
        sizes += np.diff(edges)
    first = total = 0
    for last, size in enumerate(sizes.tolist()):
        if total and total + size > _PIECE_POSTINGS:
            yield first, last
            first, total = last, 0
        total += size
    yield first, len(sizes)


def _postings(segment: Segment, place: Uint32s, first: int, last: int) -> tuple[Uint32s, Uint32s]:
    """Return (terms, new local numbers) of a segment's live postings in a range of terms."""
    shift = segment.shape.bits - MIN_BITS
    edges = segment.starts[first << shift : (last << shift) + 1]
    postings = segment.postings[int(edges[0]) : int(edges[-1])]
    entries = np.arange(first << shift, last << shift, dtype=np.uint32)
    terms = np.repeat(entries << np.uint32(TERM_BITS - segment.shape.bits), np.diff(edges))
    terms |= postings >> segment.local_bits
    local = place[postings & (segment.local_limit - np.uint32(1))]
    if not len(segment.dead):
        return terms, local
    live = local != _DEAD
    return terms[live], local[live]


def merge_once(path: Path, max_segments: int, rest: float = 0.0) -> bool:
    """Merge what the plan says, if anything, and leave the result to be put into use.

    Needs no write lock; the caller holds the merge lock.
    """
    plan = merge_plan(manifest.load(path).segments, max_segments)
    if plan:
        store_result(path, merge_segments(path, plan, rest))
    return bool(plan)


def run(path: Path, max_segments: int) -> None:
    """Merge until nothing is left to do; return at once if somebody else is merging."""
    try:
        descriptor = lock.try_lock(path / MERGE_LOCK)
        if descriptor is None:
            return
        try:
            _put_into_use(path)
            while merge_once(path, max_segments, _REST):
                _put_into_use(path)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        # Another generation is in use now, and this one has been removed.
        return


def _put_into_use(path: Path) -> None:
    writing = ProcessLock(path.parent / WRITE_LOCK, "written", _LOCK_SECONDS)
    while (path / MERGED).exists():
        try:
            with writing.held():
                if layout.current_generation(path.parent) != path:
                    return
                writer = GenerationWriter(path)
                writer.commit_merge()
                writer.close()
        except IndexLockedError:
            # Whoever is writing will put it into use as soon as it writes again.
            continue


def main(arguments: Sequence[str]) -> int:
    """Merge the generation named on the command line."""
    logging.basicConfig(level=logging.INFO)
    path, max_segments = arguments
    run(Path(path), int(max_segments))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
