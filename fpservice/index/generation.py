"""Reading one generation: snapshots of it, renewed when its files changed."""

from __future__ import annotations

from pathlib import Path

from fpservice import kernels
from fpservice.domain.errors import IndexCorruptError
from fpservice.index import layout, log, manifest
from fpservice.index.delta import Delta
from fpservice.index.log import LogView, LogWriter
from fpservice.index.manifest import Manifest
from fpservice.index.segment import Segment
from fpservice.index.segment_search import SegmentSearch
from fpservice.index.snapshot import Snapshot
from fpservice.index.state import Marks, State


def create_generation(path: Path) -> None:
    """Make an empty generation, durably."""
    path.mkdir(parents=True)
    LogWriter.create(path)
    manifest.store(path, manifest.EMPTY)
    State.create(path, log.START, manifest.EMPTY.number)
    layout.sync_directory(path.parent)


class Generation:
    """A generation directory as readers see it. One thread at a time may renew the snapshot."""

    def __init__(self, path: Path) -> None:
        """Open a generation directory.

        Raises:
            FileNotFoundError: a file is gone, perhaps because another generation is in use now.
            IndexCorruptError: the files are damaged.
        """
        self.path = path
        # Segments and changes are searched together, so all of them by the same kernels.
        self._extension = kernels.native
        self.state = State(path)
        self.snapshot = self._first()

    def is_current(self) -> bool:
        """Return whether the snapshot shows all that is published."""
        return self.snapshot.marks == self.state.marks()

    def renew(self) -> Snapshot:
        """Return a snapshot that shows all that is published; raises as the constructor."""
        marks = self.state.marks()
        _, published, number, _ = marks
        old = self.snapshot
        # What was published first; the manifest is read later and can only cover more of the log.
        end = max(published, old.end)
        extend = self._extended if number == old.manifest.number else self._reopened
        self.snapshot = extend(old, marks, end)
        return self.snapshot

    def _first(self) -> Snapshot:
        marks = self.state.marks()
        published = marks[1]
        trusted = self.state.of_this_boot
        loaded = manifest.load(self.path)
        segments = self._segments(loaded, {})
        view = LogView(self.path)
        delta = Delta(loaded.log_position, self._extension, view.read)
        # A writer that died with the power may have published less than it made durable.
        self._read(view, delta, max(published, loaded.log_position) if trusted else None)
        if delta.end < published or view.size < delta.end:
            raise IndexCorruptError(layout.damaged(f"log of {self.path} ends at {delta.end}"))
        return self._snapshot(marks, loaded, segments, view, delta)

    def _extended(self, old: Snapshot, marks: Marks, end: int) -> Snapshot:
        view = self._view(old, end)
        self._read(view, old.delta, end)
        return Snapshot(
            marks,
            self.path,
            old.manifest,
            old.segments,
            old.segment_search,
            view,
            old.delta,
            len(old.delta),
            old.delta.end,
        )

    def _reopened(self, old: Snapshot, marks: Marks, end: int) -> Snapshot:
        loaded = manifest.load(self.path)
        segments = self._segments(loaded, {part.entry.name: part for part in old.segments})
        end = max(end, loaded.log_position)
        view = self._view(old, end)
        same = old.delta.start == loaded.log_position
        delta = old.delta if same else Delta(loaded.log_position, self._extension, view.read)
        self._read(view, delta, end)
        return self._snapshot(marks, loaded, segments, view, delta)

    def _segments(self, loaded: Manifest, known: dict[str, Segment]) -> tuple[Segment, ...]:
        found = []
        for entry in loaded.segments:
            segment = known.get(entry.name)
            same = segment is not None and segment.entry == entry
            found.append(segment if segment and same else Segment(self.path, entry))
        return tuple(found)

    def _view(self, old: Snapshot, end: int) -> LogView:
        return old.log if end <= old.log.size else LogView(self.path)

    def _read(self, view: LogView, delta: Delta, end: int | None) -> None:
        """Bring the delta up to ``end`` of the log; None: as far as there are whole records."""
        if end is not None and delta.end >= end:
            return
        delta.extend(view.read(delta.end, end))
        if end is not None and delta.end != end:
            raise IndexCorruptError(layout.damaged(f"record at {delta.end} of {view.path}"))

    def _snapshot(
        self,
        marks: Marks,
        loaded: Manifest,
        segments: tuple[Segment, ...],
        view: LogView,
        delta: Delta,
    ) -> Snapshot:
        return Snapshot(
            marks,
            self.path,
            loaded,
            segments,
            SegmentSearch(segments, extension=self._extension),
            view,
            delta,
            len(delta),
            delta.end,
        )
