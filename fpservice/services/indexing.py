"""Keeps the index after the database: drains the change queue, rebuilds, compares."""

from __future__ import annotations

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


class IndexingService:
    """Applies queued changes to the index."""

    def __init__(self, fingerprint: Database, index: FingerprintIndex, metrics: Metrics) -> None:
        """Read the queue in the database ``fingerprint``, write ``index``."""
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
            with self._fingerprint.reading() as connection:
                queued = queued_changes(connection, BATCH)
            if not queued:
                return total
            self._index.apply([_change(one) for one in queued])
            with self._fingerprint.writing() as connection:
                remove_changes(connection, [one.id for one in queued])
            total += len(queued)
            self._metrics.count("index.changes", len(queued))

    def waiting(self) -> int:
        """Return how many changes the index has not been told yet."""
        with self._fingerprint.reading() as connection:
            return count_changes(connection)


def _change(queued: QueuedChange) -> IndexChange:
    if queued.hashes is None:
        return IndexDelete(queued.fingerprint_id)
    return StoredFingerprint(queued.fingerprint_id, queued.duration, queued.hashes)
