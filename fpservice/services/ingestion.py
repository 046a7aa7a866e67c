"""The import of a submission: load, reject, match, choose track, store, link, index, record.

All writes to the database ``fingerprint`` are one transaction that also records the submission's
number; a submission delivered twice finds that record and changes nothing.
"""

from __future__ import annotations

import enum
from datetime import UTC, datetime, timedelta

from cachetools import LRUCache
from sqlalchemy import Connection

from fpservice.db.app.sources import find_or_add_format, find_or_add_source
from fpservice.db.fingerprint.fingerprints import add_fingerprint, fingerprints_of_track
from fpservice.db.fingerprint.imported import ImportedSubmission, add_imported, find_imported
from fpservice.db.fingerprint.index_changes import queue_change, unindexed_near
from fpservice.db.fingerprint.tracks import (
    Track,
    add_track,
    count_fingerprint_of_track,
    tracks_by_id,
    tracks_of_fingerprints,
)
from fpservice.db.ingest.link_sources import record_link_sources
from fpservice.db.ingest.submissions import (
    Outcome,
    StoredSubmission,
    attempts,
    find_submission,
    forget_pending,
    pending_ids,
    postpone,
    record_outcome,
)
from fpservice.db.locks import lock_for_import
from fpservice.db.transaction import Database, Databases
from fpservice.domain.matching import (
    MAX_TRACK_DURATION_DIFFERENCE,
    SAME_FINGERPRINT,
    Match,
    may_join,
    rank,
)
from fpservice.domain.submission import State, Submission, reason_to_reject
from fpservice.interfaces import Metrics, StoredFingerprint
from fpservice.services.linking import link, link_values, lock_keys
from fpservice.services.search import FingerprintSearch

# How many fingerprints that the index does not know yet are compared one by one.
MAX_UNINDEXED = 5000
_COMPARED_AT_ONCE = 200
_MAX_DELAY = 300.0


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
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay
        self._sources: LRUCache[tuple[int, int, str], int] = LRUCache(1000)
        self._formats: LRUCache[str, int] = LRUCache(200)

    def due(self, limit: int) -> list[int]:
        """Return submissions that wait in the outbox and may be tried now, the oldest first."""
        with self._databases.ingest.reading() as connection:
            return pending_ids(connection, datetime.now(UTC), limit)

    def import_submission(self, submission_id: int) -> ImportOutcome:
        """Import one submission.

        Raises:
            SearchUnavailableError: index or database do not answer. That is not the submission's
                fault: nothing was changed, and it does not count as a try.
        """
        submission = self._load(submission_id)
        if submission is None or submission.state is not State.PENDING:
            return self._forget(submission_id)
        reason = reason_to_reject(submission.content)
        if reason is not None:
            return self._reject(submission_id, reason)
        format_id = self._format(submission.content.format)
        with self._databases.fingerprint.writing() as connection:
            imported = self._import_once(connection, submission, format_id)
        self._record(submission, imported)
        return self._counted(ImportOutcome.IMPORTED)

    def waiting(self, seconds: float, limit: int) -> list[int]:
        """Return submissions that are due and have waited for so long, the oldest first."""
        with self._databases.ingest.reading() as connection:
            return pending_ids(connection, datetime.now(UTC), limit, _later(-seconds))

    def postpone(self, submission_id: int, error: str) -> float | None:
        """Count a failed try; return after how many seconds to try again.

        None: that was the last try, and the submission is kept as failed.
        """
        with self._databases.ingest.writing() as connection:
            tries = attempts(connection, submission_id) + 1
            if tries >= self._max_attempts:
                record_outcome(connection, Outcome(submission_id, State.FAILED, error))
                self._counted(ImportOutcome.FAILED)
                return None
            delay = min(self._retry_delay * 2.0 ** (tries - 1), _MAX_DELAY)
            postpone(connection, submission_id, tries, _later(delay), error)
        self._counted(ImportOutcome.POSTPONED)
        return delay

    def _forget(self, submission_id: int) -> ImportOutcome:
        with self._databases.ingest.writing() as connection:
            forget_pending(connection, submission_id)
        return ImportOutcome.GONE

    def _load(self, submission_id: int) -> StoredSubmission | None:
        with self._databases.ingest.reading() as connection:
            return find_submission(connection, submission_id)

    def _reject(self, submission_id: int, reason: str) -> ImportOutcome:
        with self._databases.ingest.writing() as connection:
            record_outcome(connection, Outcome(submission_id, State.REJECTED, reason))
        return self._counted(ImportOutcome.REJECTED)

    def _import_once(
        self, connection: Connection, submission: StoredSubmission, format_id: int | None
    ) -> ImportedSubmission:
        content = submission.content
        lock_for_import(connection, lock_keys(content))
        done = find_imported(connection, submission.id)
        if done:
            return done
        matches = self._matches(connection, content)
        track, match = self._choose_track(connection, content, matches)
        if match and match.score > SAME_FINGERPRINT:
            fingerprint_id = match.fingerprint_id
        else:
            fingerprint_id = add_fingerprint(
                connection, content.hashes, content.duration, content.bitrate, format_id
            )
            queue_change(connection, fingerprint_id)
        count_fingerprint_of_track(connection, track.id, fingerprint_id)
        link(connection, track, content)
        imported = ImportedSubmission(submission.id, fingerprint_id, track.id)
        add_imported(connection, imported)
        return imported

    def _matches(self, connection: Connection, content: Submission) -> list[Match]:
        """Return matches in the index and among what the index does not know yet."""
        near = MAX_TRACK_DURATION_DIFFERENCE
        fresh = [
            StoredFingerprint(one.fingerprint_id, one.duration, one.hashes)
            for one in unindexed_near(connection, content.duration, near, MAX_UNINDEXED)
            if one.hashes is not None
        ]
        # After the queue was read: what another worker tells the index meanwhile is found here.
        indexed = self._search.find(content.hashes, content.duration, near)
        known = {match.fingerprint_id for match in indexed}
        more = [
            match
            for start in range(0, len(fresh), _COMPARED_AT_ONCE)
            for match in self._search.compare(
                content.hashes, fresh[start : start + _COMPARED_AT_ONCE]
            )
        ]
        return rank([*indexed, *(match for match in more if match.fingerprint_id not in known)])

    def _choose_track(
        self, connection: Connection, content: Submission, matches: list[Match]
    ) -> tuple[Track, Match | None]:
        """Return the track of the best match that it may join, else a new track."""
        tracks = tracks_of_fingerprints(connection, [match.fingerprint_id for match in matches])
        refused = set()
        for match in matches:
            track = tracks.get(match.fingerprint_id)
            if track is None or track.id in refused:
                continue
            members = fingerprints_of_track(connection, track.id)
            if may_join(
                content.hashes, content.duration, ((m.duration, m.hashes) for m in members)
            ):
                return track, match
            refused.add(track.id)
        return add_track(connection), None

    def _record(self, submission: StoredSubmission, imported: ImportedSubmission) -> None:
        """Write to ``ingest`` what happened. Idempotent, so a crash before it does no harm."""
        source_id = self._source(submission.content)
        with self._databases.fingerprint.reading() as connection:
            track = tracks_by_id(connection, [imported.track_id])[imported.track_id]
        outcome = Outcome(submission.id, State.IMPORTED, None, imported.track_id, track.gid)
        values = link_values(submission.content, imported)
        with self._databases.ingest.writing() as connection:
            record_link_sources(connection, submission.id, source_id, imported.track_id, values)
            record_outcome(connection, outcome, imported.fingerprint_id)

    def _source(self, content: Submission) -> int:
        key = (content.application_id, content.account_id, content.application_version)
        if key not in self._sources:
            with self._app.writing() as connection:
                self._sources[key] = find_or_add_source(connection, *key)
        return self._sources[key]

    def _format(self, name: str | None) -> int | None:
        if name is None:
            return None
        if name not in self._formats:
            with self._app.writing() as connection:
                self._formats[name] = find_or_add_format(connection, name)
        return self._formats[name]

    @property
    def _app(self) -> Database:
        return self._databases.app

    def _counted(self, outcome: ImportOutcome) -> ImportOutcome:
        self._metrics.count("imports", outcome=outcome.value)
        return outcome


def _later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
