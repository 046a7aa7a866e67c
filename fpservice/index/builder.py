"""Rebuilding: the next generation grows beside the one in use, then takes its place."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from fpservice.domain.errors import IndexCorruptError
from fpservice.index import layout
from fpservice.index.bulk_writer import BulkWriter
from fpservice.index.generation_writer import GenerationWriter
from fpservice.index.layout import BUILD_LOCK, WRITE_LOCK
from fpservice.index.lock import ProcessLock
from fpservice.index.record import Change, encode
from fpservice.index.writer import next_number, remove_generations, translated
from fpservice.interfaces import StoredFingerprint

CatchUp = Callable[[], Iterable[Sequence[Change]]]
SEGMENT_DOCUMENTS: Final = 50_000
_FLUSH_DOCUMENTS: Final = 1_000


class IndexBuilder:
    """Builds an index anew: enter, :meth:`add` everything, :meth:`commit`.

    The index in use goes on serving and being written until the commit. Left without a commit, or
    killed, the builder puts nothing into use; the next builder or writer removes its files.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        lock_timeout: float = 5.0,
        segment_documents: int = SEGMENT_DOCUMENTS,
    ) -> None:
        """Name the index directory; ``segment_documents`` (2 KB each) are held in memory.

        ``lock_timeout``, in seconds, is how long to wait for another builder, and for a writer.
        """
        self._root = Path(path)
        self._building = ProcessLock(self._root / BUILD_LOCK, "rebuilt", lock_timeout)
        self._writing = ProcessLock(self._root / WRITE_LOCK, "written", lock_timeout)
        self._segment_documents = segment_documents

    def __enter__(self) -> Self:
        """Begin a generation.

        Raises:
            IndexLockedError: another process is rebuilding, or writing for too long.
            IndexUnavailableError: the directory cannot be written.
        """
        with translated(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        self._building.acquire()
        try:
            with self._writing.held(), translated(self._root):
                remove_generations(self._root, self._in_use())
                self._path = self._root / layout.generation_name(next_number(self._root))
                self._bulk = BulkWriter(self._path, self._segment_documents)
        except BaseException:
            self._building.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove what was not committed."""
        try:
            self._bulk.close()
            if self._in_use() != self._path:
                shutil.rmtree(self._path, ignore_errors=True)
        finally:
            self._building.release()

    def add(self, batch: Sequence[StoredFingerprint]) -> None:
        """Add fingerprints; of two with one id the later counts.

        Raises:
            ValueError: an id, duration or array of hashes is out of range.
            IndexUnavailableError: the files cannot be written.
        """
        with translated(self._root):
            self._bulk.add(batch)

    def commit(self, catch_up: CatchUp | None = None) -> None:
        """Put the generation into use, durably, instead of the one that was.

        ``catch_up`` is called when no one can write the old index any more, and yields batches of
        the changes that the generation lacks still.

        Raises:
            IndexLockedError: another process is writing for too long.
            IndexUnavailableError: the files cannot be written.
        """
        with translated(self._root):
            self._bulk.finish()
        with self._writing.held():
            self._catch_up(catch_up() if catch_up is not None else ())
            with translated(self._root):
                layout.switch_generation(self._root, self._path)
                remove_generations(self._root, self._path)

    def _in_use(self) -> Path | None:
        # Rebuilding is what mends a damaged index, so damage must not prevent it.
        with contextlib.suppress(IndexCorruptError):
            return layout.current_generation(self._root)
        return None

    def _catch_up(self, batches: Iterable[Sequence[Change]]) -> None:
        with translated(self._root):
            writer = GenerationWriter(self._path)
        try:
            # Errors of whoever yields the batches are not ours to translate.
            for changes in batches:
                with translated(self._root):
                    writer.append([encode(change) for change in changes])
                    if writer.snapshot().changes >= _FLUSH_DOCUMENTS:
                        writer.flush()
        finally:
            writer.close()
