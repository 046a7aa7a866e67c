"""Taking submissions in, and telling what became of them."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from fpservice.db.fingerprint.tracks import tracks_by_id
from fpservice.db.ingest.submissions import (
    StoredSubmission,
    count_pending,
    find_submissions,
    list_submissions,
    outcomes,
    retry,
)
from fpservice.db.transaction import Database
from fpservice.domain.submission import State, Submission
from fpservice.interfaces import Metrics, SubmissionQueue
from fpservice.services.intake import Intake

# The largest number a row can have; whatever is over it is unknown.
_MAX_ID = 2**63 - 1
_LOOK_EVERY = 0.05


@dataclass(frozen=True, slots=True)
class SubmissionStatus:
    """What became of a submission; ``state`` is None if there is none with this id."""

    id: int
    state: State | None
    reason: str | None = None
    track_gid: uuid.UUID | None = None


class SubmissionService:
    """Stores submissions safely before anything else happens to them."""

    def __init__(
        self,
        ingest: Database,
        fingerprint: Database,
        queue: SubmissionQueue,
        metrics: Metrics,
        max_wait: float = 10.0,
        max_waiting: int = 1,
    ) -> None:
        """Announce stored submissions through ``queue``.

        Imports are waited for at most ``max_wait`` seconds, by at most ``max_waiting`` at once.
        """
        self._max_wait = max_wait
        self._waiting = threading.BoundedSemaphore(max_waiting)
        self._ingest = ingest
        self._intake = Intake(ingest)
        self._fingerprint = fingerprint
        self._queue = queue
        self._metrics = metrics

    def submit(self, submissions: Sequence[Submission]) -> list[int]:
        """Store submissions, all or none, and return their ids; then they are safe.

        Raises:
            DatabaseUnavailableError: none of them was stored.
        """
        if not submissions:
            return []
        ids = self._intake.store(submissions)
        self._metrics.count("submissions", len(ids))
        self._queue.publish(ids)
        return ids

    def status(self, ids: Sequence[int]) -> list[SubmissionStatus]:
        """Return what became of each submission, in the order asked.

        Raises:
            DatabaseUnavailableError: it cannot be told now.
        """
        wanted = {id for id in ids if 0 < id <= _MAX_ID}
        with self._ingest.reading() as connection:
            known = outcomes(connection, sorted(wanted))
        track_ids = {one.track_id for one in known.values() if one.track_id is not None}
        with self._fingerprint.reading() as connection:
            tracks = tracks_by_id(connection, track_ids)
        statuses = []
        for id in ids:
            outcome = known.get(id)
            if outcome is None:
                statuses.append(SubmissionStatus(id, None))
                continue
            track = tracks.get(outcome.track_id) if outcome.track_id is not None else None
            gid = track.gid if track else outcome.track_gid
            statuses.append(SubmissionStatus(id, outcome.state, outcome.reason, gid))
        return statuses

    def wait(self, ids: Sequence[int], seconds: float) -> list[SubmissionStatus]:
        """Return what became of the submissions, waiting until none is pending any more.

        Waits ``seconds`` at most, and not at all while too many others wait.
        """
        if not self._waiting.acquire(blocking=False):
            return self.status(ids)
        try:
            deadline = time.monotonic() + min(seconds, self._max_wait)
            while True:
                statuses = self.status(ids)
                pending = any(status.state is State.PENDING for status in statuses)
                if not pending or time.monotonic() >= deadline:
                    return statuses
                time.sleep(_LOOK_EVERY)
        finally:
            self._waiting.release()

    def find(self, submission_id: int) -> StoredSubmission | None:
        """Return one submission as it was stored."""
        with self._ingest.reading() as connection:
            return find_submissions(connection, [submission_id]).get(submission_id)

    def latest(self, state: State | None, limit: int) -> list[StoredSubmission]:
        """Return the latest submissions, of one state or of all."""
        with self._ingest.reading() as connection:
            return list_submissions(connection, state, limit)

    def retry(self, submission_id: int) -> bool:
        """Try a failed or rejected submission again; False if it is neither."""
        with self._ingest.writing() as connection:
            again = retry(connection, submission_id)
        if again:
            self._queue.publish([submission_id], again=True)
        return again

    def pending(self) -> int:
        """Return how many submissions wait for their import."""
        with self._ingest.reading() as connection:
            return count_pending(connection)

    def ping_queue(self) -> None:
        """Return if submissions can be announced.

        Raises:
            QueueUnavailableError: they cannot; importers find them in the outbox, a little later.
        """
        self._queue.ping()

    def close(self) -> None:
        """Let go of the queue."""
        self._queue.close()
