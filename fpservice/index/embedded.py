"""The embedded index: in-process search over files that several processes share."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from fpservice.domain.fingerprint import Hashes
from fpservice.index import verify
from fpservice.index.reader import IndexReader
from fpservice.index.record import MAX_DURATION, Change
from fpservice.index.writer import IndexWriter
from fpservice.interfaces import Hit, IndexStatus, StoredFingerprint

KIND: Final = "embedded"
FLUSH_DOCUMENTS: Final = 1_000
MAX_SEGMENTS: Final = 4


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
    ) -> None:
        """Name the directory; nothing is opened before the first call.

        Writers wait ``lock_timeout`` seconds for each other, write a segment for every
        ``flush_documents`` changes, and merge segments when there are more than ``max_segments``:
        in a process of their own, or else before the call returns.
        """
        self._path = Path(path)
        self._reader = IndexReader(self._path)
        self._writer = IndexWriter(
            self._path,
            lock_timeout=lock_timeout,
            flush_documents=flush_documents,
            max_segments=max_segments,
            merge_in_background=merge_in_background,
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
        snapshot = self._reader.snapshot()
        if snapshot is None:
            return []
        return snapshot.search(terms, limit, min_hits, min_percent, deadline)

    def fetch(self, fingerprint_ids: Sequence[int]) -> list[StoredFingerprint]:
        """Return those that exist, in the order asked for; hashes are read-only views."""
        return self.fetch_within(fingerprint_ids, 0, MAX_DURATION)

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return those that exist and have ``low`` <= duration <= ``high`` seconds.

        The hashes of the others are not touched.
        """
        snapshot = self._reader.snapshot()
        return [] if snapshot is None else snapshot.fetch(fingerprint_ids, low, high)

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
        self._reader.snapshot()

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
