"""A full check of the files, and everything that is in them, for comparing with the database."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice.index import log
from fpservice.index.batch_terms import batch_terms
from fpservice.index.delta import GONE
from fpservice.index.record import DELETE, FINGERPRINT, MAX_DURATION, distinct_terms, scan
from fpservice.index.segment import Segment
from fpservice.index.snapshot import Snapshot
from fpservice.interfaces import StoredFingerprint

Uint32s = NDArray[np.uint32]
_READ_BYTES: Final = 32 << 20
_BATCH: Final = 1_000


def problems(snapshot: Snapshot) -> Iterator[str]:
    """Yield what is wrong with the files of a snapshot, in words; nothing if all is well.

    Reads everything: every record and array is held against its checksum, and the postings of
    every document against the terms of its record.
    """
    yield from _damaged_records(snapshot)
    for segment in snapshot.segments:
        damage = segment.damage()
        yield from damage or _wrong_postings(snapshot, segment)
    yield from _doubles(snapshot)


def fingerprints(snapshot: Snapshot) -> Iterator[StoredFingerprint]:
    """Yield every fingerprint by rising id; hashes are read-only views."""
    ids = [
        segment.ids[~segment.is_dead(np.arange(len(segment.ids)))] for segment in snapshot.segments
    ]
    changed = snapshot.delta.changed(snapshot.changes)
    newest = [one for one, event in changed.items() if event.position != GONE]
    everything = np.unique(np.concatenate([*ids, np.array(newest, dtype=np.uint32)]))
    for start in range(0, len(everything), _BATCH):
        batch = everything[start : start + _BATCH].tolist()
        yield from snapshot.fetch(batch, 0, MAX_DURATION)


def _damaged_records(snapshot: Snapshot) -> Iterator[str]:
    position = log.START
    while position < snapshot.end:
        reached = position
        data = snapshot.log.published(position, min(position + _READ_BYTES, snapshot.end))
        for record in scan(data, position):
            reached = record.end
        if reached == position:
            yield f"record at {position} of {snapshot.log.path}"
            return
        position = reached


def _wrong_postings(snapshot: Snapshot, segment: Segment) -> Iterator[str]:
    total = 0
    by_position = np.argsort(segment.positions).astype(np.uint32)
    for start in range(0, len(by_position), _BATCH):
        local = by_position[start : start + _BATCH]
        strangers = _strangers(snapshot, segment, local)
        if strangers:
            yield f"{segment.path} points to records of others, as for fingerprint {strangers[0]}"
            return
        owners, terms = _terms(snapshot, segment, local)
        total += len(terms)
        lacking = ~segment.contains(terms, local[owners])
        for one in np.unique(segment.ids[local[owners[lacking]]]).tolist():
            yield f"{segment.path} lacks terms of fingerprint {one}"
    if total != len(segment.postings):
        yield f"{segment.path} has {len(segment.postings)} postings, not {total}"


def _strangers(snapshot: Snapshot, segment: Segment, local: Uint32s) -> list[int]:
    """Return the ids whose position holds no record of theirs."""
    found = []
    places = zip(
        segment.ids[local].tolist(),
        segment.positions[local].tolist(),
        segment.durations[local].tolist(),
        strict=True,
    )
    for fingerprint_id, position, duration in places:
        if not log.START <= position < snapshot.end:
            found.append(fingerprint_id)
            continue
        owner, seconds, _, kind = snapshot.log.header(position)
        if (owner, seconds) != (fingerprint_id, duration) or kind == DELETE:
            found.append(fingerprint_id)
    return found


def _terms(snapshot: Snapshot, segment: Segment, local: Uint32s) -> tuple[Uint32s, Uint32s]:
    """Return (owners, terms) as the records say; owners are places in ``local``."""
    words, owners, terms = [], [], []
    for place, position in enumerate(segment.positions[local].tolist()):
        _, _, count, kind = snapshot.log.header(position)
        these = snapshot.log.words(position, count)
        words.append(these if kind == FINGERPRINT else these[:0])
        if kind != FINGERPRINT:
            terms.append(distinct_terms(these))
            owners.append(np.full(len(terms[-1]), place, dtype=np.uint32))
    owner, term = batch_terms(words)
    return np.concatenate([owner, *owners]), np.concatenate([term, *terms])


def _doubles(snapshot: Snapshot) -> Iterator[str]:
    ids = []
    for segment in snapshot.segments:
        if any(first >= second for first, second in pairwise(segment.ids.tolist())):
            yield f"ids of {segment.path} do not rise"
        ids.append(segment.ids[~segment.is_dead(np.arange(len(segment.ids)))])
    if ids:
        distinct, counts = np.unique(np.concatenate(ids), return_counts=True)
        for one in distinct[counts > 1].tolist():
            yield f"fingerprint {one} is alive in two segments"
