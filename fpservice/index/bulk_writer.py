"""Writing a whole generation that nobody reads yet: large segments, and one sync at the end."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice.index import layout, manifest
from fpservice.index.batch_terms import batch_terms
from fpservice.index.layout import LOG, sync_data
from fpservice.index.log import LogWriter
from fpservice.index.manifest import EMPTY, SegmentEntry
from fpservice.index.merge import merge_segments
from fpservice.index.record import encode
from fpservice.index.segment import Segment
from fpservice.index.segment_layout import MAX_DOCUMENTS
from fpservice.index.segment_writer import Documents, write_segment
from fpservice.index.state import State
from fpservice.index.tombstones import bury
from fpservice.interfaces import StoredFingerprint

Uint32s = NDArray[np.uint32]
_BUFFER: Final = 8 << 20


class BulkWriter:
    """Fills a new generation directory; it can be opened after :meth:`finish` only."""

    def __init__(self, path: Path, segment_documents: int) -> None:
        """Begin; segments of ``segment_documents`` are written, and merged in the end."""
        path.mkdir(parents=True)
        LogWriter.create(path)
        self._path = path
        self._segment_documents = segment_documents
        self._log = (path / LOG).open("r+b", buffering=_BUFFER)
        self._end = self._log.seek(0, os.SEEK_END)
        self._entries: list[SegmentEntry] = []
        self._pending: list[tuple[int, int, int]] = []
        self._owners: list[Uint32s] = []
        self._terms: list[Uint32s] = []

    def add(self, batch: Sequence[StoredFingerprint]) -> None:
        """Add fingerprints; of two with one id the later counts.

        Raises:
            ValueError: an id, duration or array of hashes is out of range.
        """
        records = [encode(one) for one in batch]
        owners, terms = batch_terms([one.hashes for one in batch])
        self._owners.append(owners + np.uint32(len(self._pending)))
        self._terms.append(terms)
        for one, record in zip(batch, records, strict=True):
            self._pending.append((one.id, self._end, one.duration))
            self._end += len(record)
        self._log.writelines(records)
        if len(self._pending) >= self._segment_documents:
            self._spill()

    def finish(self) -> None:
        """Make a complete generation of it, durably; once only, however often it is called."""
        if self._log.closed:
            return
        self._spill()
        self._log.flush()
        sync_data(self._log.fileno())
        self._log.close()
        entries = self._merged(self._without_replaced())
        complete = EMPTY.changed(entries, log_position=self._end, new_segments=len(self._entries))
        manifest.store(self._path, complete)
        State.create(self._path, self._end, complete.number)
        layout.sync_directory(self._path.parent)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _spill(self) -> None:
        """Write what is pending as a segment, and start the log on its way to the disk."""
        if not self._pending:
            return
        ids, positions, durations = np.array(self._pending, dtype=np.uint64).T
        owners, terms = np.concatenate(self._owners), np.concatenate(self._terms)
        _, last = np.unique(ids[::-1], return_index=True)
        chosen = np.sort(len(ids) - 1 - last)
        if len(chosen) < len(ids):
            place = np.full(len(ids), -1, dtype=np.int64)
            place[chosen] = np.arange(len(chosen))
            kept = place[owners] >= 0
            owners, terms = place[owners[kept]].astype(np.uint32), terms[kept]
        documents = Documents(
            ids[chosen].astype(np.uint32), positions[chosen], durations[chosen].astype(np.uint16)
        )
        name = layout.segment_name(len(self._entries) + 1)
        write_segment(self._path / name, documents, owners, terms)
        self._entries.append(SegmentEntry(name, len(chosen)))
        self._pending, self._owners, self._terms = [], [], []
        self._log.flush()
        sync_data(self._log.fileno())

    def _without_replaced(self) -> list[SegmentEntry]:
        """Bury, in each segment, the ids that come again in a later one."""
        entries = []
        later = np.empty(0, dtype=np.uint32)
        for entry in reversed(self._entries):
            segment = Segment(self._path, entry)
            again = np.flatnonzero(np.isin(segment.ids, later, assume_unique=True))
            entries.append(bury(self._path, segment, again, manifest.EMPTY.number))
            later = np.concatenate((later, np.delete(segment.ids, again)))
        return entries

    def _merged(self, entries: Sequence[SegmentEntry]) -> list[SegmentEntry]:
        """Merge everything into as few segments as hold it, and remove the parts."""
        groups: list[list[SegmentEntry]] = []
        for entry in entries:
            if groups and sum(one.live for one in groups[-1]) + entry.live <= MAX_DOCUMENTS:
                groups[-1].append(entry)
            else:
                groups.append([entry])
        merged = []
        for group in groups:
            if len(group) == 1:
                merged.append(group[0])
                continue
            merged.append(merge_segments(self._path, group).output)
            for entry in group:
                (self._path / entry.name).unlink()
                if entry.tombstones:
                    (self._path / entry.tombstones).unlink()
        return merged
