"""How far behind the importers and the index are."""

from __future__ import annotations

from fpservice.db.backlog import Backlog, backlog
from fpservice.db.fingerprint.tables import index_change
from fpservice.db.ingest.tables import pending_submission
from fpservice.db.transaction import Databases
from fpservice.interfaces import Metrics


class BacklogService:
    """Looks at the queues in the databases."""

    def __init__(self, databases: Databases) -> None:
        """Look at these."""
        self._databases = databases

    def outbox(self) -> Backlog:
        """Return how many submissions wait for their import.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        with self._databases.ingest.reading() as connection:
            return backlog(connection, pending_submission, pending_submission.c.submission_id)

    def index(self) -> Backlog:
        """Return how many changes the index was not told yet.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        with self._databases.fingerprint.reading() as connection:
            return backlog(connection, index_change, index_change.c.id)

    def gauge(self, metrics: Metrics) -> None:
        """Put both into the metrics.

        Raises:
            DatabaseUnavailableError: a database does not answer.
        """
        for name, found in (("outbox", self.outbox()), ("index", self.index())):
            metrics.gauge(f"{name}.waiting", found.waiting)
            metrics.gauge(f"{name}.oldest", found.oldest)
