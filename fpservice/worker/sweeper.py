"""Announces again what waits for too long: a lost announcement costs a delay and nothing else."""

from __future__ import annotations

import logging
import threading

from fpservice.domain.errors import SearchUnavailableError
from fpservice.interfaces import Metrics, SubmissionConsumer
from fpservice.services.backlogs import BacklogService
from fpservice.services.ingestion import IngestionService

log = logging.getLogger(__name__)
_MOST_AT_ONCE = 1000


class Sweeper:
    """Looks into the outbox from time to time, and says how far behind everything is."""

    def __init__(
        self,
        ingestion: IngestionService,
        backlogs: BacklogService,
        consumer: SubmissionConsumer,
        metrics: Metrics,
        sweep_after: float,
    ) -> None:
        """Announce again what has waited for ``sweep_after`` seconds, about as often."""
        self._ingestion = ingestion
        self._backlogs = backlogs
        self._consumer = consumer
        self._metrics = metrics
        self._sweep_after = sweep_after
        self._stopping = threading.Event()
        self._has_looked_for_lost = False

    def stop(self) -> None:
        """Return from ``run``; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Sweep until stopped."""
        while not self._stopping.wait(self._sweep_after):
            try:
                self.sweep()
            except SearchUnavailableError as error:
                log.warning("not swept: %s", error)
            except Exception:
                log.exception("a sweep broke off")

    def sweep(self) -> int:
        """Announce again what has waited for too long, and return how many submissions that are.

        Raises:
            SearchUnavailableError: the database does not answer.
        """
        self._look_for_lost()
        waiting = self._ingestion.waiting(self._sweep_after, _MOST_AT_ONCE)
        self._consumer.announce_again(waiting)
        self._backlogs.gauge(self._metrics)
        return len(waiting)

    def _look_for_lost(self) -> None:
        """Look once in the life of a process: it reads all that waits."""
        if self._has_looked_for_lost:
            return
        lost = self._ingestion.put_back_lost()
        self._has_looked_for_lost = True
        if lost:
            log.warning("%d submissions were put back into the outbox", lost)
