"""Writing one generation: log first, segments when enough has come together, repair after a kill.

Every method expects the caller to hold the write lock of the index.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from fpservice.domain.errors import IndexCorruptError
from fpservice.index import layout, manifest
from fpservice.index.delta import GONE, Event
from fpservice.index.generation import Generation
from fpservice.index.log import LogView, LogWriter
from fpservice.index.manifest import Manifest, SegmentEntry
from fpservice.index.merge_result import commit_merge, remove_leftovers
from fpservice.index.record import DELETE, HEADER, scan
from fpservice.index.segment_writer import Documents, write_segment
from fpservice.index.snapshot import NOWHERE, Snapshot
from fpservice.index.state import State
from fpservice.index.tombstones import buried

_logger: Final = logging.getLogger(__name__)


class GenerationWriter:
    """A generation directory, opened for writing and repaired if a writer was killed."""

    def __init__(self, path: Path) -> None:
        """Open a generation directory.

        Raises:
            FileNotFoundError: a file is gone.
            IndexCorruptError: the files are damaged beyond repair.
        """
        self.path = path
        self._state = _open_state(path)
        self._log = LogWriter(path)
        if self._state.interrupted or not self._state.of_this_boot:
            self._recover()
        remove_leftovers(path, manifest.load(path))
        self._view = Generation(path)

    def is_usable(self) -> bool:
        """Return whether the files are still the ones opened, and need no repair."""
        return self._state.is_in_place() and not self._state.interrupted

    def snapshot(self) -> Snapshot:
        """Return all that is published."""
        return self._view.snapshot if self._view.is_current() else self._view.renew()

    def append(self, records: Sequence[bytes]) -> None:
        """Make records durable and let readers see them; what is known already is left out."""
        snapshot = self.snapshot()
        fresh = _unknown(snapshot, records)
        if not fresh:
            return
        self._state.begin()
        end = self._log.append(fresh, snapshot.end)
        self._state.publish(end, snapshot.manifest.number)

    def flush(self) -> None:
        """Turn the newest changes into a segment."""
        snapshot = self.snapshot()
        if not snapshot.changes:
            return
        changed = snapshot.delta.changed(snapshot.changes)
        live = [event for event in changed.values() if event.position != GONE]
        self._state.begin()
        remove_leftovers(self.path, snapshot.manifest)
        number = snapshot.manifest.number + 1
        touched = np.array(list(changed), dtype=np.uint32)
        entries = [buried(self.path, part, touched, number) for part in snapshot.segments]
        if live:
            name = layout.segment_name(snapshot.manifest.next_segment)
            _write(self.path / name, live)
            entries.append(SegmentEntry(name, len(live)))
        self.store(
            snapshot.manifest.changed(
                [entry for entry in entries if entry.live],
                log_position=snapshot.end,
                new_segments=1,
            ),
            snapshot.end,
        )

    def commit_merge(self) -> None:
        """Put a finished merge into use, if there is one."""
        if not (self.path / layout.MERGED).exists():
            return
        snapshot = self.snapshot()
        self._state.begin()
        merged = commit_merge(self.path, snapshot.manifest)
        self._state.publish(snapshot.end, merged.number)

    def store(self, following: Manifest, end: int) -> None:
        """Put a manifest into use and remove what it does not name."""
        manifest.store(self.path, following)
        self._state.publish(end, following.number)
        remove_leftovers(self.path, following)

    def retire(self) -> None:
        """Tell readers that another generation is in use."""
        self._state.retire()

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _recover(self) -> None:
        """Find the end of the log, cut off what a killed writer left behind it, and publish."""
        loaded = manifest.load(self.path)
        start = end = loaded.log_position
        tail = LogView(self.path).read(start, None)
        for record in scan(tail, start):
            end = record.end
        if end < self._state.published or start + len(tail) < end:
            raise IndexCorruptError(layout.damaged(f"log of {self.path} ends at {end}"))
        self._state.begin()
        if tail[end - start :].strip(b"\0"):
            self._log.cut(end)
        self._state.publish(end, loaded.number)


def _open_state(path: Path) -> State:
    try:
        return State(path, writable=True)
    except FileNotFoundError:
        _logger.warning("state page of %s is gone: made anew", path)
        loaded = manifest.load(path)
        State.create(path, loaded.log_position, loaded.number)
        state = State(path, writable=True)
        state.begin()
        return state


def _unknown(snapshot: Snapshot, records: Sequence[bytes]) -> list[bytes]:
    """Return the records that would change something, in order."""
    headers = [HEADER.unpack_from(record) for record in records]
    positions = snapshot.positions([header[1] for header in headers])
    latest: dict[int, bytes] = {}
    fresh = []
    for record, position, (_, fingerprint_id, _, _, kind) in zip(
        records, positions, headers, strict=True
    ):
        if fingerprint_id in latest:
            same = latest[fingerprint_id] == record
        elif position == NOWHERE:
            same = kind == DELETE
        else:
            same = snapshot.log.holds(position, record)
        if not same:
            fresh.append(record)
            latest[fingerprint_id] = record
    return fresh


def _write(path: Path, live: Sequence[Event]) -> None:
    documents = Documents(
        np.array([event.fingerprint_id for event in live], dtype=np.uint32),
        np.array([event.position for event in live], dtype=np.uint64),
        np.array([event.duration for event in live], dtype=np.uint16),
    )
    counts = [len(event.terms) for event in live]
    owners = np.repeat(np.arange(len(live), dtype=np.uint32), counts)
    write_segment(path, documents, owners, np.concatenate([event.terms for event in live]))
