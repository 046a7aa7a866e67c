"""The import of submissions: load, reject, match, choose track, store, link, index, record.

All writes to the database ``fingerprint`` are one transaction that also records the submissions'
numbers; a submission delivered twice finds that record and changes nothing.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from fpservice.db.fingerprint.imported import find_imported
from fpservice.db.fingerprint.tracks import tracks_by_id
from fpservice.db.ingest.link_sources import LinkSource, record_link_sources
from fpservice.db.ingest.lost import put_back_lost
from fpservice.db.ingest.submissions import (
    Outcome,
    StoredSubmission,
    claim_due,
    find_submissions,
    forget_pending,
    record_outcomes,
    release,
    waiting_ids,
)
from fpservice.db.locks import lock_imports
from fpservice.db.transaction import Databases
from fpservice.domain.submission import State, reason_to_reject
from fpservice.interfaces import Metrics
from fpservice.services.import_batch import ImportBatch, Placed
from fpservice.services.import_tries import ImportTries
from fpservice.services.linking import sources_of
from fpservice.services.search import FingerprintSearch
from fpservice.services.source_ids import SourceIds

# Others wait for the import lock so long, in seconds.
_BATCH_TIME = 0.5
# If the importer that has claimed submissions dies, another one takes them after so many seconds.
_CLAIM_TIME = 10.0


class ImportOutcome(enum.Enum):
    """What one try came to."""

    IMPORTED = "imported"
    REJECTED = "rejected"
    FAILED = "failed"
    POSTPONED = "postponed"
    GONE = "gone"


class IngestionService:
    """Imports submissions, each exactly once in effect, however often it is delivered."""

    def __init__(
        self,
        databases: Databases,
        search: FingerprintSearch,
        metrics: Metrics,
        max_attempts: int = 5,
        retry_delay: float = 5.0,
    ) -> None:
        """Give up on a submission after ``max_attempts``; ``retry_delay`` in seconds, doubling."""
        self._databases = databases
        self._search = search
        self._metrics = metrics
        self._tries = ImportTries(databases.ingest, max_attempts, retry_delay)
        self._source_ids = SourceIds(databases.app)

    def due(self, limit: int) -> list[int]:
        """Return submissions that wait in the outbox and may be tried now, the oldest first.

        Where several importers may ask at once, nobody else gets them for a while.
        """
        ingest = self._databases.ingest
        connecting = ingest.writing() if ingest.has_many_writers else ingest.reading()
        with connecting as connection:
            return claim_due(connection, datetime.now(UTC), _later(_CLAIM_TIME), limit)

    def release(self, submission_ids: Sequence[int], delay: float) -> None:
        """Let submissions be due again after ``delay`` seconds; no try is counted."""
        with self._databases.ingest.writing() as connection:
            release(connection, submission_ids, _later(delay))

    def import_submission(self, submission_id: int) -> ImportOutcome:
        """Import one submission.

        Raises:
            SearchUnavailableError: index or database do not answer. That is not the submission's
                fault: nothing was changed, and it does not count as a try.
        """
        return self.import_batch([submission_id])[submission_id]

    def import_batch(self, submission_ids: Sequence[int]) -> dict[int, ImportOutcome]:
        """Import submissions, in order, in one transaction; return what each came to.

        Those that time did not allow for are left out, and so are those that are to be imported
        alone for what happened before; ask again for them. An error means that none took effect,
        whichever of them it is that cannot be imported.

        Raises:
            SearchUnavailableError: index or database do not answer; as above.
        """
        begun = self._tries.begin(submission_ids)
        if begun.hopeless is not None:
            self._tries.give_up(begun.hopeless)
            self._counted(ImportOutcome.FAILED)
            return {begun.hopeless: ImportOutcome.FAILED}
        try:
            return self._import_begun(begun.ids)
        except Exception:
            self._tries.end(begun.ids)
            raise

    def _import_begun(self, submission_ids: Sequence[int]) -> dict[int, ImportOutcome]:
        pending = self._load(submission_ids)
        outcomes = dict.fromkeys(set(submission_ids) - pending.keys(), ImportOutcome.GONE)
        reasons = {id: reason_to_reject(one.content) for id, one in pending.items()}
        rejected = {id: reason for id, reason in reasons.items() if reason is not None}
        outcomes.update(dict.fromkeys(rejected, ImportOutcome.REJECTED))
        placed = self._take_in([one for id, one in pending.items() if id not in rejected])
        outcomes.update(
            dict.fromkeys((one.submission.id for one in placed), ImportOutcome.IMPORTED)
        )
        self._record(placed, rejected, [id for id in submission_ids if id not in pending])
        left = [id for id in submission_ids if id not in outcomes]
        if left:
            self._tries.end(left)
        for outcome in outcomes.values():
            self._counted(outcome)
        return outcomes

    def waiting(self, seconds: float, limit: int) -> list[int]:
        """Return submissions that are due and have waited for so long, the oldest first."""
        with self._databases.ingest.reading() as connection:
            return waiting_ids(connection, datetime.now(UTC), _later(-seconds), limit)

    def put_back_lost(self) -> int:
        """Put submissions that wait and are not in the outbox back into it; return how many."""
        with self._databases.ingest.writing() as connection:
            return put_back_lost(connection)

    def postpone(self, submission_id: int, error: str) -> float | None:
        """Count a failed try; return after how many seconds to try again.

        None: that was the last try, and the submission is kept as failed.
        """
        delay = self._tries.postpone(submission_id, error)
        self._counted(ImportOutcome.FAILED if delay is None else ImportOutcome.POSTPONED)
        return delay

    def _load(self, submission_ids: Sequence[int]) -> dict[int, StoredSubmission]:
        """Return those that are still pending, in the order asked."""
        with self._databases.ingest.reading() as connection:
            stored = find_submissions(connection, submission_ids)
        return {
            id: stored[id]
            for id in submission_ids
            if id in stored and stored[id].state is State.PENDING
        }

    def _take_in(self, submissions: Sequence[StoredSubmission]) -> list[Placed]:
        """Give submissions their effect, once, in the database ``fingerprint``."""
        if not submissions:
            return []
        with_formats = [(one, self._source_ids.format(one.content.format)) for one in submissions]
        with self._databases.fingerprint.writing() as connection:
            lock_imports(connection)
            done = self._taken_in_before(connection, submissions)
            batch = ImportBatch(connection, self._search)
            batch.place(
                ((one, format_id) for one, format_id in with_formats if one.id not in done),
                _BATCH_TIME,
            )
            return [*done.values(), *batch.write()]

    def _taken_in_before(
        self, connection: Connection, submissions: Sequence[StoredSubmission]
    ) -> dict[int, Placed]:
        imported = find_imported(connection, [one.id for one in submissions])
        tracks = tracks_by_id(connection, {one.track_id for one in imported.values()})
        return {
            one.id: Placed(one, effect.fingerprint_id, tracks[effect.track_id])
            for one in submissions
            if (effect := imported.get(one.id))
        }

    def _record(
        self, placed: Sequence[Placed], rejected: Mapping[int, str], gone: Sequence[int]
    ) -> None:
        """Write to ``ingest`` what happened. Idempotent, so a crash before it does no harm."""
        outcomes = [Outcome(id, State.REJECTED, reason) for id, reason in rejected.items()]
        sources: list[LinkSource] = []
        for one in placed:
            content, id = one.submission.content, one.submission.id
            outcomes.append(
                Outcome(id, State.IMPORTED, None, one.track.id, one.track.gid, one.fingerprint_id)
            )
            source_id = self._source_ids.source(content)
            sources += sources_of(content, id, source_id, one.fingerprint_id, one.track.id)
        with self._databases.ingest.writing() as connection:
            record_link_sources(connection, sources)
            record_outcomes(connection, outcomes)
            forget_pending(connection, gone)

    def _counted(self, outcome: ImportOutcome) -> None:
        self._metrics.count("imports", outcome=outcome.value)


def _later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
