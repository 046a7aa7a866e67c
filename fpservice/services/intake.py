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

# What a transaction takes at most from several requests; those of one request stay together.
_TOGETHER: Final = 100
_TOGETHER_BYTES: Final = 1 << 20
# Nobody waits longer, in seconds, for those who came before.
_PATIENCE: Final = 4.0
# What has been taken is not given up before whoever writes it must have come to an end.
_WRITING: Final = 30.0


class _Request:
    """The submissions of one request, and what became of them: ids, or an error to be raised."""

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.submissions = submissions
        self.size = sum(one.hashes.nbytes for one in submissions)
        self.ids: list[int] | None = None
        self.error: Exception | None = None
        # Set when it is done, or is to write for those that wait.
        self.called = threading.Event()

    @property
    def is_done(self) -> bool:
        return self.ids is not None or self.error is not None

    def fail(self, error: Exception) -> None:
        self.error = error
        self.called.set()


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
        self._is_writing = False

    def store(self, submissions: Sequence[Submission]) -> list[int]:
        """Store the submissions of a request, all or none, and return their ids in order.

        Raises:
            DatabaseUnavailableError: none of them was stored, as far as is known.
        """
        mine = _Request(submissions)
        with self._lock:
            self._waiting.append(mine)
            is_first = not self._is_writing
            self._is_writing = True
        if not is_first:
            self._wait(mine)
        if not mine.is_done:
            try:
                self._store_together(self._next())
            finally:
                self._hand_over()
        if mine.ids is None:
            raise mine.error or DatabaseUnavailableError("database ingest: nothing was stored")
        return mine.ids

    def _wait(self, mine: _Request) -> None:
        """Return when the request is done, or is the one to write."""
        if mine.called.wait(_PATIENCE):
            return
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
                raise DatabaseUnavailableError("database ingest: too many submissions wait")
        if not mine.called.wait(_WRITING):
            raise DatabaseUnavailableError("database ingest: it does not answer")

    def _hand_over(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting[0].called.set()
            else:
                self._is_writing = False

    def _next(self) -> list[_Request]:
        """Take those who have waited longest, as many as belong into a transaction."""
        taken: list[_Request] = []
        number = size = 0
        with self._lock:
            while self._waiting:
                number += len(self._waiting[0].submissions)
                size += self._waiting[0].size
                if taken and (number > _TOGETHER or size > _TOGETHER_BYTES):
                    break
                taken.append(self._waiting.popleft())
        return taken

    def _store_together(self, requests: Sequence[_Request]) -> None:
        every = [one for request in requests for one in request.submissions]
        try:
            with self._ingest.writing_quickly() as connection:
                ids = iter(add_submissions(connection, every))
        except DatabaseUnavailableError as error:
            # Whoever waits now has waited for this answer; waiting for another takes too long.
            with self._lock:
                failed = [*requests, *self._waiting]
                self._waiting.clear()
            for request in failed:
                request.fail(DatabaseUnavailableError(str(error)))
        except Exception as error:
            self._store_one_by_one(requests, error)
        else:
            for request in requests:
                request.ids = list(itertools.islice(ids, len(request.submissions)))
                request.called.set()

    def _store_one_by_one(self, requests: Sequence[_Request], error: Exception) -> None:
        """Let what the database does not take of one request spoil no other."""
        if len(requests) == 1:
            requests[0].fail(error)
            return
        for place, request in enumerate(requests):
            self._store_together([request])
            if isinstance(request.error, DatabaseUnavailableError):
                for other in requests[place + 1 :]:
                    other.fail(DatabaseUnavailableError(str(request.error)))
                return
