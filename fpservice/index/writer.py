"""Writing an index: one process at a time, each change durable before it is confirmed."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError, IndexUnavailableError
from fpservice.index import layout, lock
from fpservice.index.generation import create_generation
from fpservice.index.generation_writer import GenerationWriter
from fpservice.index.layout import BUILD_LOCK, MERGE_LOCK, WRITE_LOCK
from fpservice.index.lock import ProcessLock
from fpservice.index.merge import merge_once, merge_plan
from fpservice.index.merge_process import MergeProcess
from fpservice.index.record import Change, encode
from fpservice.index.state import State

_logger: Final = logging.getLogger(__name__)


def _always() -> None:
    """Let a new index begin."""


class IndexWriter:
    """Applies changes to the generation in use.

    Other processes may have written, merged or rebuilt between any two calls; each call looks.
    """

    def __init__(
        self,
        root: Path,
        *,
        lock_timeout: float,
        flush_documents: int,
        max_segments: int,
        merge_in_background: bool,
        check_begin: Callable[[], None] = _always,
    ) -> None:
        """Prepare to write an index directory, which need not exist yet.

        ``check_begin`` is called before the first files are made, and raises if the directory is
        not to be a new index.
        """
        self._root = root
        self._lock = ProcessLock(root / WRITE_LOCK, "written", lock_timeout)
        self._flush_documents = flush_documents
        self._max_segments = max_segments
        self._merging = MergeProcess() if merge_in_background else None
        self._check_begin = check_begin
        self._opened: GenerationWriter | None = None

    def writing(self) -> AbstractContextManager[None]:
        """Return a block that keeps others from writing; calls inside it need not wait.

        Raises:
            IndexLockedError: on entry, if another process is writing.
        """
        with translated(self._root):
            self._root.mkdir(parents=True, exist_ok=True)
        return self._lock.held()

    def apply(self, changes: Sequence[Change]) -> None:
        """Make changes durable and visible; raises as ``FingerprintIndex.apply``, or ValueError."""
        records = iter([encode(change) for change in changes])
        with self.writing(), translated(self._root):
            while batch := list(islice(records, self._flush_documents)):
                writer = self._writer()
                writer.append(batch)
                self._tidy(writer)

    def close(self) -> None:
        """Let go of the files."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _writer(self) -> GenerationWriter:
        path = layout.current_generation(self._root)
        if path is None:
            # Under the lock: whatever was there a moment ago may have been wiped since.
            self._check_begin()
            path = self._root / layout.generation_name(next_number(self._root))
            create_generation(path)
            layout.switch_generation(self._root, path)
        opened = self._opened
        if opened is None or opened.path != path or not opened.is_usable():
            self.close()
            opened = self._opened = GenerationWriter(path)
            if lock.is_free(self._root / BUILD_LOCK):
                remove_generations(self._root, path)
        return opened

    def _tidy(self, writer: GenerationWriter) -> None:
        """Write segments and see to their merging.

        The changes are durable already, so an error here is logged and the next call tries again.
        """
        try:
            writer.commit_merge()
            if writer.snapshot().changes >= self._flush_documents:
                writer.flush()
                self._merge(writer)
        except OSError as error:
            _logger.warning("cannot write segments of index %s: %s", self._root, error)

    def _merge(self, writer: GenerationWriter) -> None:
        if not merge_plan(writer.snapshot().manifest.segments, self._max_segments):
            return
        if self._merging is not None:
            # One that another process started does this one's work too.
            if lock.is_free(writer.path / MERGE_LOCK):
                self._merging.start(writer.path, self._max_segments)
            return
        descriptor = lock.try_lock(writer.path / MERGE_LOCK)
        if descriptor is None:
            return
        try:
            while merge_once(writer.path, self._max_segments):
                writer.commit_merge()
        finally:
            os.close(descriptor)


def next_number(root: Path) -> int:
    """Return a number that no generation has."""
    return max(layout.generations(root), default=0) + 1


def remove_generations(root: Path, current: Path | None) -> None:
    """Remove all generations but the one in use, and tell their readers to look for it.

    The caller holds the write lock, and knows that none is being built.
    """
    for path in layout.generations(root).values():
        if path != current:
            with contextlib.suppress(OSError, IndexCorruptError):
                State(path, writable=True).retire()
            shutil.rmtree(path, ignore_errors=True)


@contextlib.contextmanager
def translated(root: Path) -> Iterator[None]:
    """Turn errors of the file system into the errors of an index."""
    try:
        yield
    except FileNotFoundError as error:
        raise IndexCorruptError(layout.damaged(str(error))) from error
    except OSError as error:
        raise IndexUnavailableError(f"cannot write index {root}: {error}") from error
