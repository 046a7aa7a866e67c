"""Keeps the index after the database: drains the change queue, rebuilds, compares."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext

from fpservice.db.fingerprint.index_changes import (
    QueuedChange,
    count_changes,
    queued_changes,
    remove_changes,
)
from fpservice.db.transaction import Database
from fpservice.interfaces import (
    FingerprintIndex,
    IndexChange,
    IndexDelete,
    Metrics,
    StoredFingerprint,
)

BATCH = 200


def _nobody(fingerprint_ids: Sequence[int]) -> None:
    """Tell nobody of changes."""


class IndexingService:
    """Applies queued changes to the index."""

    def __init__(
        self,
        fingerprint: Database,
        index: FingerprintIndex,
        metrics: Metrics,
        alone: Callable[[], AbstractContextManager[object]] = nullcontext,
        tell: Callable[[Sequence[int]], None] = _nobody,
        rest: float = 0.0,
    ) -> None:
        """Read the queue in the database ``fingerprint``, write ``index``.

        ``alone`` keeps other writers of the index away while a batch is read, applied and removed:
        one that read the queue earlier and applies it later would bring back what was replaced.

        After a whole batch it rests ``rest`` times as long as that took: readers of the index have
        to take it in too, and a long queue would keep them from their work.

        ``tell`` is given the ids of what has changed or is gone, by which copies are given up.
        """
        self._tell = tell
        self._rest = rest
        self._alone = alone
        self._fingerprint = fingerprint
        self._index = index
        self._metrics = metrics

    def drain(self) -> int:
        """Apply all committed changes, and forget them once the index is durable.

        A crash between the two applies them again, which changes nothing.

        Raises:
            SearchUnavailableError: index or database do not answer; nothing is lost.
            IndexLockedError: another process writes; try again later.
        """
        total = 0
        while True:
            if not self.waiting():
                return total
            began = time.monotonic()
            with self._alone():
                applied = self._apply_batch()
            total += applied
            self._metrics.count("index.changes", applied)
            if applied == BATCH:
                time.sleep(self._rest * (time.monotonic() - began))

    def _apply_batch(self) -> int:
        with self._fingerprint.reading() as connection:
            queued = queued_changes(connection, BATCH)
        if queued:
            self._index.apply([_change(one) for one in queued])
            # Before they are forgotten: after a crash in between, they are told again.
            self._tell([one.fingerprint_id for one in queued])
            with self._fingerprint.writing() as connection:
                remove_changes(connection, [one.id for one in queued])
        return len(queued)

    def waiting(self) -> int:
        """Return how many changes the index has not been told yet."""
        with self._fingerprint.reading() as connection:
            return count_changes(connection)


def _change(queued: QueuedChange) -> IndexChange:
    if queued.hashes is None:
        return IndexDelete(queued.fingerprint_id)
    return StoredFingerprint(queued.fingerprint_id, queued.duration, queued.hashes)
