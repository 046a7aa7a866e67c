"""The loop that imports what waits and keeps the index after the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from fpservice.domain.errors import (
    IndexLockedError,
    QueueUnavailableError,
    SearchUnavailableError,
)
from fpservice.interfaces import Delivery, Metrics, SubmissionConsumer
from fpservice.observability.logs import request_id
from fpservice.services.import_tries import KILLED
from fpservice.services.indexing import IndexingService
from fpservice.services.ingestion import ImportOutcome, IngestionService

log = logging.getLogger(__name__)

_FETCH_TIMEOUT: Final = 1.0
_MAX_PAUSE: Final = 10.0
# How long a submission that met an unavailable index or database is left alone, in seconds.
_UNAVAILABLE_DELAY: Final = 2.0


class Importer:
    """Imports submissions until it is stopped.

    Outcomes of one delivery:

    * imported, rejected: recorded, out of the outbox; done;
    * gone: somebody else has handled it already; done;
    * an error of its own: tried again later, with growing delays; after the last try it is kept as
      failed, and dead; the same if it kills the process, of which others take note;
    * index or database do not answer: nothing changes, no try is counted; again, and all imports
      pause.

    A queue that does not answer is no hindrance: the outbox has everything.
    """

    def __init__(
        self,
        ingestion: IngestionService,
        indexing: IndexingService,
        consumer: SubmissionConsumer,
        outbox: SubmissionConsumer,
        metrics: Metrics,
        batch_size: int = 50,
        beat: Callable[[], None] = lambda: None,
    ) -> None:
        """Take ``batch_size`` submissions at once from ``consumer``, or else from ``outbox``.

        ``beat`` is called whenever something was done or has failed.
        """
        self._ingestion = ingestion
        self._indexing = indexing
        self._consumer = consumer
        self._outbox = outbox
        self._metrics = metrics
        self._batch_size = batch_size
        self._beat = beat
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the submission at hand and return from ``run``; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Import until stopped."""
        pause = 0.0
        while not self._stopping.is_set():
            self._beat()
            try:
                self.round()
                pause = 0.0
            except SearchUnavailableError as error:
                pause = min(max(2 * pause, 0.5), _MAX_PAUSE)
                log.warning("imports pause for %.1f s: %s", pause, error)
                self._stopping.wait(pause)
            except Exception:
                # A bug outside of any one submission must not end the importer.
                log.exception("a round of imports broke off")
                self._metrics.count("importer.errors")
                self._stopping.wait(1.0)

    def round(self) -> int:
        """Import what has come, tell the index, and return how many submissions were taken.

        Raises:
            SearchUnavailableError: index or database do not answer.
        """
        self._drain()
        consumer, deliveries = self._fetch()
        waiting = deliveries
        while waiting:
            if self._stopping.is_set():
                consumer.give_back(waiting, 0.0)
                break
            try:
                waiting = self._import(waiting)
            except SearchUnavailableError:
                consumer.give_back(waiting, _UNAVAILABLE_DELAY)
                raise
            self._drain()
        return len(deliveries)

    def _fetch(self) -> tuple[SubmissionConsumer, Sequence[Delivery]]:
        """Return what has come, and from whom."""
        try:
            return self._consumer, self._consumer.fetch(self._batch_size, _FETCH_TIMEOUT)
        except QueueUnavailableError as error:
            self._metrics.count("importer.queue_unavailable")
            log.debug("the outbox stands in: %s", error)
            return self._outbox, self._outbox.fetch(self._batch_size, _FETCH_TIMEOUT)

    def _drain(self) -> None:
        try:
            self._indexing.drain()
        except IndexLockedError as error:
            # Whoever writes tells the index, or the next round does; matching does not need it.
            self._metrics.count("index.locked")
            log.info("the index is told later: %s", error)

    def _import(self, deliveries: Sequence[Delivery]) -> Sequence[Delivery]:
        """Import deliveries, and return those for which there was no time."""
        self._beat()
        started = time.monotonic()
        try:
            outcomes = self._ingestion.import_batch([one.submission_id for one in deliveries])
        except SearchUnavailableError:
            raise
        except Exception:
            # One of them cannot be imported; alone, it fails alone.
            for delivery in deliveries:
                self._import_alone(delivery)
            return ()
        for delivery in deliveries:
            outcome = outcomes.get(delivery.submission_id)
            if outcome:
                _settle(delivery, outcome)
        self._metrics.observe("import", (time.monotonic() - started) / len(outcomes))
        return [one for one in deliveries if one.submission_id not in outcomes]

    def _import_alone(self, delivery: Delivery) -> None:
        self._beat()
        token = request_id.set(delivery.trace)
        try:
            outcome = self._ingestion.import_submission(delivery.submission_id)
        except SearchUnavailableError:
            raise
        except Exception as error:
            log.exception("submission %d could not be imported", delivery.submission_id)
            self._postpone(delivery, f"{type(error).__name__}: {error}"[:500])
        else:
            _settle(delivery, outcome)
        finally:
            request_id.reset(token)

    def _postpone(self, delivery: Delivery, reason: str) -> None:
        delay = self._ingestion.postpone(delivery.submission_id, reason)
        if delay is None:
            delivery.dead(reason)
        else:
            delivery.again(delay)


def _settle(delivery: Delivery, outcome: ImportOutcome) -> None:
    if outcome is ImportOutcome.FAILED:
        log.error("submission %d has failed: %s", delivery.submission_id, KILLED)
        delivery.dead(KILLED)
    else:
        delivery.done()
        _say(delivery, outcome)


def _say(delivery: Delivery, outcome: ImportOutcome) -> None:
    if log.isEnabledFor(logging.DEBUG):
        token = request_id.set(delivery.trace)
        log.debug("submission %d: %s", delivery.submission_id, outcome.value)
        request_id.reset(token)
