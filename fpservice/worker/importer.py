"""The loop that imports what waits in the outbox and keeps the index after the database."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from fpservice.domain.errors import IndexLockedError, SearchUnavailableError
from fpservice.interfaces import Metrics, SubmissionQueue
from fpservice.services.indexing import IndexingService
from fpservice.services.ingestion import IngestionService

log = logging.getLogger(__name__)

# The index is told at least this often while submissions flow, in seconds.
_INDEX_EVERY: Final = 0.3
_MAX_PAUSE: Final = 10.0


class Importer:
    """Imports submissions until it is stopped.

    Outcomes of one submission:

    * imported, rejected: recorded, out of the outbox;
    * gone: somebody else has handled it already; nothing to do;
    * an error of its own: tried again later, with growing delays, and failed after the last try;
    * index or database do not answer: nothing changes, no try is counted, all imports pause.
    """

    def __init__(
        self,
        ingestion: IngestionService,
        indexing: IndexingService,
        queue: SubmissionQueue,
        metrics: Metrics,
        batch_size: int = 50,
    ) -> None:
        """Take ``batch_size`` submissions at once."""
        self._ingestion = ingestion
        self._indexing = indexing
        self._queue = queue
        self._metrics = metrics
        self._batch_size = batch_size
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the submission at hand and return from ``run``; safe in a signal handler."""
        self._stopping.set()
        self._queue.close()

    def run(self) -> None:
        """Import until stopped."""
        pause = 0.0
        while not self._stopping.is_set():
            try:
                worked = self.round()
                pause = 0.0
            except (SearchUnavailableError, IndexLockedError) as error:
                pause = min(max(2 * pause, 0.5), _MAX_PAUSE)
                log.warning("imports pause for %.1f s: %s", pause, error)
                self._stopping.wait(pause)
                continue
            except Exception:
                # A bug outside of any one submission must not end the importer.
                log.exception("a round of imports broke off")
                self._metrics.count("importer.errors")
                self._stopping.wait(1.0)
                continue
            if not worked:
                self._queue.wait(timeout=1.0)

    def round(self) -> int:
        """Import what is due, tell the index, and return how many submissions were taken.

        Raises:
            SearchUnavailableError: index or database do not answer.
            IndexLockedError: another process writes the index.
        """
        self._indexing.drain()
        due = self._ingestion.due(self._batch_size)
        told = time.monotonic()
        for submission_id in due:
            if self._stopping.is_set():
                break
            self._import(submission_id)
            if time.monotonic() - told > _INDEX_EVERY:
                self._indexing.drain()
                told = time.monotonic()
        if due:
            self._indexing.drain()
        return len(due)

    def _import(self, submission_id: int) -> None:
        started = time.monotonic()
        try:
            self._ingestion.import_submission(submission_id)
        except SearchUnavailableError:
            raise
        except Exception as error:
            log.exception("submission %d could not be imported", submission_id)
            self._ingestion.postpone(submission_id, f"{type(error).__name__}: {error}"[:500])
        self._metrics.observe("import", time.monotonic() - started)
