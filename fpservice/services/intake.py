"""Storing what requests that come at the same time submit in one transaction."""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

from fpservice.db.ingest.intake import add_submissions
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError
from fpservice.domain.submission import Submission

# Submissions of a transaction; those of one request stay together.
_TOGETHER: Final = 100
# More than the database's own limits: whoever writes is done by then.
_PATIENCE: Final = 10.0


class _Request:
    """The submissions of one request, and what became of them: ids, or an error to be raised."""

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions
        self.ids: list[int] | None = None
        self.error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return self.ids is not None or self.error is not None

    def result(self) -> list[int]:
        if self.ids is None:
            raise self.error or DatabaseUnavailableError("database ingest: nothing was stored")
        return self.ids


class Intake:
    """Stores submissions: one thread of the process at a time, for all that wait by then.

    A transaction costs its round trips, its sync of the disk and, on SQLite, the lock of the whole
    file; of four that wait the last is done sooner if they share one.
    """

    def __init__(self, ingest: Database) -> None:
        """Store in ``ingest``."""
        self._ingest = ingest
        self._lock = threading.Lock()
        self._waiting: deque[_Request] = deque()
        self._turn = threading.Lock()

    def store(self, submissions: Sequence[Submission]) -> list[int]:
        """Store the submissions of a request, all or none, and return their ids in order.

        Raises:
            DatabaseUnavailableError: none of them was stored, as far as is known.
        """
        mine = _Request(submissions)
        with self._lock:
            self._waiting.append(mine)
        if self._turn.acquire(timeout=_PATIENCE):
            try:
                while not mine.is_done and (requests := self._next()):
                    self._store_together(requests)
            finally:
                self._turn.release()
        return mine.result()

    def _next(self) -> list[_Request]:
        """Take those who have waited longest, as many as belong into a transaction."""
        taken: list[_Request] = []
        number = 0
        with self._lock:
            while self._waiting:
                number += len(self._waiting[0].submissions)
                if taken and number > _TOGETHER:
                    break
                taken.append(self._waiting.popleft())
        return taken

    def _store_together(self, requests: Sequence[_Request]) -> None:
        every = [one for request in requests for one in request.submissions]
        try:
            with self._ingest.writing_at_once() as connection:
                ids = iter(add_submissions(connection, every))
        except DatabaseUnavailableError as error:
            # Whoever waits now has waited for this answer; waiting for another takes too long.
            with self._lock:
                requests = [*requests, *self._waiting]
                self._waiting.clear()
            for request in requests:
                request.error = DatabaseUnavailableError(str(error))
        except Exception as error:
            # One that the database does not take must not spoil the others.
            if len(requests) == 1:
                requests[0].error = error
            else:
                for request in requests:
                    self._store_together([request])
        else:
            for request in requests:
                request.ids = list(itertools.islice(ids, len(request.submissions)))
