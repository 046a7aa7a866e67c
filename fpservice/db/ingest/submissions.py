"""Submissions, their outbox and their outcomes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from fpservice.db.dialect import insert as upsert
from fpservice.db.ingest.tables import pending_submission, submission, submission_result
from fpservice.domain.fingerprint import from_bytes, to_bytes
from fpservice.domain.submission import State, Submission, SubmittedText


@dataclass(frozen=True, slots=True)
class StoredSubmission:
    """A submission with its number and state."""

    id: int
    state: State
    reason: str | None
    content: Submission


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a submission; ``track_id`` and ``track_gid`` only if imported."""

    id: int
    state: State
    reason: str | None
    track_id: int | None = None
    track_gid: uuid.UUID | None = None


def add_submissions(connection: Connection, contents: Sequence[Submission]) -> list[int]:
    """Insert submissions and their places in the outbox; return their ids in the same order."""
    ids = []
    for content in contents:
        statement = insert(submission).values(_values(content)).returning(submission.c.id)
        ids.append(int(connection.execute(statement).scalar_one()))
    if ids:
        connection.execute(insert(pending_submission), [{"submission_id": id} for id in ids])
    return ids


def find_submission(connection: Connection, submission_id: int) -> StoredSubmission | None:
    """Return one submission."""
    row = connection.execute(select(submission).where(submission.c.id == submission_id)).first()
    return _stored(row) if row else None


def list_submissions(
    connection: Connection, state: State | None, limit: int
) -> list[StoredSubmission]:
    """Return the latest submissions, of one state or of all."""
    statement = select(submission).order_by(submission.c.id.desc()).limit(limit)
    if state:
        statement = statement.where(submission.c.state == state.value)
    return [_stored(row) for row in connection.execute(statement)]


def outcomes(connection: Connection, ids: Sequence[int]) -> dict[int, Outcome]:
    """Return what became of these submissions; unknown ones are left out."""
    if not ids:
        return {}
    result = submission_result
    rows = connection.execute(
        select(
            submission.c.id,
            submission.c.state,
            submission.c.reason,
            result.c.track_id,
            result.c.track_gid,
        )
        .outerjoin(result, result.c.submission_id == submission.c.id)
        .where(submission.c.id.in_(ids))
    )
    return {
        row.id: Outcome(row.id, State(row.state), row.reason, row.track_id, row.track_gid)
        for row in rows
    }


def pending_ids(
    connection: Connection, now: datetime, limit: int, stored_before: datetime | None = None
) -> list[int]:
    """Return submissions that are due, the oldest first; with a time, those stored before it."""
    table = pending_submission
    statement = (
        select(table.c.submission_id)
        .where(or_(table.c.not_before.is_(None), table.c.not_before <= now))
        .order_by(table.c.submission_id)
        .limit(limit)
    )
    if stored_before is not None:
        statement = statement.where(table.c.created <= stored_before)
    return [row.submission_id for row in connection.execute(statement)]


def count_pending(connection: Connection) -> int:
    """Return how many submissions wait in the outbox."""
    return int(
        connection.execute(select(func.count()).select_from(pending_submission)).scalar_one()
    )


def record_outcome(
    connection: Connection, outcome: Outcome, fingerprint_id: int | None = None
) -> None:
    """Write the outcome and take the submission out of the outbox. Idempotent."""
    if outcome.track_id is not None:
        statement = upsert(connection, submission_result).values(
            submission_id=outcome.id,
            fingerprint_id=fingerprint_id,
            track_id=outcome.track_id,
            track_gid=outcome.track_gid,
        )
        connection.execute(statement.on_conflict_do_nothing())
    connection.execute(
        update(submission)
        .where(submission.c.id == outcome.id)
        .values(state=outcome.state.value, reason=outcome.reason, handled=func.now())
    )
    forget_pending(connection, outcome.id)


def attempts(connection: Connection, submission_id: int) -> int:
    """Return how often the import of a submission was tried in vain."""
    table = pending_submission
    found = connection.execute(
        select(table.c.attempts).where(table.c.submission_id == submission_id)
    ).scalar()
    return int(found or 0)


def postpone(
    connection: Connection, submission_id: int, tries: int, not_before: datetime, error: str
) -> None:
    """Write down the number of tries so far and the time of the next one."""
    table = pending_submission
    connection.execute(
        update(table)
        .where(table.c.submission_id == submission_id)
        .values(attempts=tries, not_before=not_before, last_error=error)
    )


def forget_pending(connection: Connection, submission_id: int) -> None:
    """Take a submission that is handled already out of the outbox."""
    table = pending_submission
    connection.execute(delete(table).where(table.c.submission_id == submission_id))


def retry(connection: Connection, submission_id: int) -> bool:
    """Put a failed or rejected submission back into the outbox; False if it is neither."""
    again = (State.FAILED.value, State.REJECTED.value)
    changed = connection.execute(
        update(submission)
        .where(submission.c.id == submission_id, submission.c.state.in_(again))
        .values(state=State.PENDING.value, reason=None, handled=None)
    )
    if not changed.rowcount:
        return False
    statement = upsert(connection, pending_submission).values(submission_id=submission_id)
    connection.execute(statement.on_conflict_do_nothing())
    return True


def _values(content: Submission) -> dict[str, Any]:
    return {
        "state": State.PENDING.value,
        "account_id": content.account_id,
        "application_id": content.application_id,
        "application_version": content.application_version,
        "hashes": to_bytes(content.hashes),
        "length": content.duration,
        "bitrate": content.bitrate,
        "format": content.format,
        "mbid": content.mbid,
        "puid": content.puid,
        "foreignid": content.foreignid,
        **content.text.as_dict(),
    }


def _stored(row: Any) -> StoredSubmission:
    content = Submission(
        account_id=row.account_id,
        application_id=row.application_id,
        application_version=row.application_version,
        hashes=from_bytes(row.hashes),
        duration=row.length,
        bitrate=row.bitrate,
        format=row.format,
        mbid=row.mbid,
        puid=row.puid,
        foreignid=row.foreignid,
        text=SubmittedText(
            row.track,
            row.artist,
            row.album,
            row.album_artist,
            row.track_no,
            row.disc_no,
            row.year,
        ),
    )
    return StoredSubmission(row.id, State(row.state), row.reason, content)
