"""The embedded index: in-process search over files that several processes share."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from fpservice.domain.errors import IndexCorruptError, IndexUnavailableError
from fpservice.domain.fingerprint import Hashes
from fpservice.index import layout, verify
from fpservice.index.candidates import FetchedCandidates, MappedCandidates
from fpservice.index.reader import IndexReader
from fpservice.index.record import MAX_DURATION, Change
from fpservice.index.snapshot import Snapshot
from fpservice.index.writer import IndexWriter
from fpservice.interfaces import Candidates, Hit, IndexStatus, StoredFingerprint

KIND: Final = "embedded"
FLUSH_DOCUMENTS: Final = 1_000
MAX_SEGMENTS: Final = 4
# What reading damaged files runs into.
_NONSENSE: Final = (IndexError, ValueError, OverflowError, MemoryError, struct.error)


def _always() -> bool:
    """Take missing files for a new index."""
    return True


class EmbeddedIndex:
    """A ``FingerprintIndex`` and ``FingerprintSource`` in one directory.

    Any number of processes and threads may search; one process at a time writes, for as long as a
    call takes. What :meth:`apply` confirmed survives a kill and a power loss, and is seen by every
    process at its next call. An instance may be made before a fork.

    Every method raises ``IndexUnavailableError`` when the files cannot be read or written now, and
    ``IndexCorruptError`` when they are damaged and have to be rebuilt from the database.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        lock_timeout: float = 5.0,
        flush_documents: int = FLUSH_DOCUMENTS,
        max_segments: int = MAX_SEGMENTS,
        merge_in_background: bool = True,
        is_fresh: Callable[[], bool] = _always,
    ) -> None:
        """Name the directory; nothing is opened before the first call.

        Where there are no files, ``is_fresh`` says whether that is as it should be: a new
        installation has none, but an index that was wiped must not pass for an empty one.

        Writers wait ``lock_timeout`` seconds for each other, write a segment for every
        ``flush_documents`` changes, and merge segments when there are more than ``max_segments``:
        in a process of their own, or else before the call returns.
        """
        self._path = Path(path)
        self._is_fresh = is_fresh
        self._reader = IndexReader(self._path)
        self._writer = IndexWriter(
            self._path,
            lock_timeout=lock_timeout,
            flush_documents=flush_documents,
            max_segments=max_segments,
            merge_in_background=merge_in_background,
            check_begin=self._refuse_if_wiped,
        )

    def search(
        self,
        terms: Hashes,
        *,
        limit: int,
        min_hits: int = 1,
        min_percent: int = 0,
        timeout: float = 2.0,
    ) -> list[Hit]:
        """Return the best hits for terms ``uint32[m]``, hits falling, then id rising.

        The low four bits of terms do not count, nor does a term given twice.
        """
        deadline = time.monotonic() + timeout
        try:
            snapshot = self._snapshot()
            if snapshot is None:
                return []
            return snapshot.search(terms, limit, min_hits, min_percent, deadline)
        except _NONSENSE as error:
            raise self._damaged() from error

    def fetch(self, fingerprint_ids: Sequence[int]) -> list[StoredFingerprint]:
        """Return those that exist, in the order asked for; hashes are read-only views."""
        return self.fetch_within(fingerprint_ids, 0, MAX_DURATION)

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return those that exist and have ``low`` <= duration <= ``high`` seconds.

        The hashes of the others are not touched.
        """
        try:
            snapshot = self._snapshot()
            return [] if snapshot is None else snapshot.fetch(fingerprint_ids, low, high)
        except _NONSENSE as error:
            raise self._damaged() from error

    def candidates(
        self, fingerprint_ids: Sequence[int], low: int, high: int, limit: int
    ) -> Candidates:
        """Return the first ``limit`` of what :meth:`fetch_within` would return, unread."""
        try:
            # Whoever asks has searched just before, and would have noticed a wiped directory.
            snapshot = self._reader.latest() or self._snapshot()
            if snapshot is None:
                return FetchedCandidates([])
            positions = snapshot.locate(fingerprint_ids, low, high, limit)
        except _NONSENSE as error:
            raise self._damaged() from error
        return MappedCandidates(snapshot.log, positions)

    def apply(self, changes: Sequence[Change]) -> None:
        """Make the changes, in order; durable when this returns. Idempotent; inserts replace.

        Raises:
            IndexLockedError: another process is writing, and went on for the lock timeout.
            ValueError: an id, duration or array of hashes is out of range; nothing was changed.
        """
        self._writer.apply(changes)

    def writing(self) -> AbstractContextManager[None]:
        """Return a block for which other writers are locked out; raises as :meth:`apply`."""
        return self._writer.writing()

    def status(self) -> IndexStatus:
        """Return counts and sizes."""
        snapshot = self._reader.snapshot()
        location = str(self._path)
        if snapshot is None:
            return IndexStatus(KIND, 0, 0, 0, "", location)
        return IndexStatus(
            KIND,
            snapshot.count(),
            len(snapshot.segments),
            snapshot.size_bytes(),
            snapshot.path.name,
            location,
        )

    def ping(self) -> None:
        """Return if the files can be read; an index that does not exist yet is an empty one."""
        try:
            self._snapshot()
        except _NONSENSE as error:
            raise self._damaged() from error

    def _damaged(self) -> IndexCorruptError:
        """Return the error for files that make no sense; it is none of ours."""
        return IndexCorruptError(layout.damaged(f"index {self._path} makes no sense"))

    def _snapshot(self) -> Snapshot | None:
        snapshot = self._reader.snapshot()
        if snapshot is None:
            self._refuse_if_wiped()
        return snapshot

    def _refuse_if_wiped(self) -> None:
        try:
            is_there = layout.current_generation(self._path) is not None
        except OSError as error:
            raise IndexUnavailableError(f"cannot read index {self._path}: {error}") from error
        if not is_there and not self._is_fresh():
            raise IndexCorruptError(layout.damaged(f"index {self._path} is gone"))

    def verify(self) -> Iterator[str]:
        """Yield what is wrong with the files, in words, after reading all of them."""
        snapshot = self._reader.snapshot()
        return iter(()) if snapshot is None else verify.problems(snapshot)

    def fingerprints(self) -> Iterator[StoredFingerprint]:
        """Yield all fingerprints of this moment by rising id; hashes are read-only views."""
        snapshot = self._reader.snapshot()
        return iter(()) if snapshot is None else verify.fingerprints(snapshot)

    def warm(self) -> None:
        """Read the segments through, so that the first searches need not wait for the disk."""
        snapshot = self._reader.snapshot()
        for segment in snapshot.segments if snapshot is not None else ():
            segment.warm()

    def close(self) -> None:
        """Let go of the files."""
        self._reader.close()
        self._writer.close()
