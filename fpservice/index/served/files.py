"""The files of one generation of a served index, as one process has them open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from fpservice.index.reader import IndexReader
from fpservice.index.record import Change
from fpservice.index.served.versions import VersionJournal
from fpservice.index.snapshot import Snapshot
from fpservice.index.wire_answers import IndexInfo
from fpservice.index.writer import IndexWriter

FLUSH_DOCUMENTS: Final = 1_000
MAX_SEGMENTS: Final = 4
LOCK_SECONDS: Final = 5.0


class ServedFiles:
    """An embedded index and its journal of versions; ``number`` is its generation's."""

    def __init__(self, folder: Path, number: int) -> None:
        """Open nothing yet."""
        self.number = number
        self.path = folder / f"g{number}"
        self.journal = VersionJournal(self.path)
        self.reader = IndexReader(self.path)
        self.writer = IndexWriter(
            self.path,
            lock_timeout=LOCK_SECONDS,
            flush_documents=FLUSH_DOCUMENTS,
            max_segments=MAX_SEGMENTS,
            merge_in_background=True,
        )

    def apply(self, changes: Sequence[Change], version: int) -> None:
        """Make changes, which lead to that version; durable when this returns."""
        self.writer.apply(changes)
        snapshot = self.reader.snapshot()
        assert snapshot is not None
        self.journal.append(snapshot.end, version)

    def close(self) -> None:
        """Let go of the files."""
        self.reader.close()
        self.writer.close()


def statistics(snapshot: Snapshot) -> IndexInfo:
    """Return the numbers of a snapshot; ids of what is deleted count for the bounds of the ids."""
    ids = [segment.ids for segment in snapshot.segments if len(segment.ids)]
    changed = snapshot.delta.changed(snapshot.changes)
    return IndexInfo(
        version=0,
        min_id=min([*(int(one[0]) for one in ids), *changed], default=0),
        max_id=max([*(int(one[-1]) for one in ids), *changed], default=0),
        segments=len(snapshot.segments),
        fingerprints=snapshot.count(),
    )
