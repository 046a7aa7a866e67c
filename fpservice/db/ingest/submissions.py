"""Submissions, their outbox and their outcomes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, or_, select, update

from fpservice.db.dialect import insert as upsert
from fpservice.db.ingest.tables import pending_submission, submission, submission_result
from fpservice.domain.fingerprint import from_bytes
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
    fingerprint_id: int | None = None


def find_submissions(connection: Connection, ids: Sequence[int]) -> dict[int, StoredSubmission]:
    """Return those of these submissions that there are, by id."""
    # All of them, before one that cannot be read leaves the others where they are: on SQLite such a
    # connection goes on seeing what was there then, and cannot write.
    rows = connection.execute(select(submission).where(submission.c.id.in_(ids))).all()
    return {row.id: _stored(row) for row in rows}


def list_submissions(
    connection: Connection, state: State | None, limit: int
) -> list[StoredSubmission]:
    """Return the latest submissions, of one state or of all."""
    statement = select(submission).order_by(submission.c.id.desc()).limit(limit)
    if state:
        statement = statement.where(submission.c.state == state.value)
    return [_stored(row) for row in connection.execute(statement).all()]


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


def claim_due(connection: Connection, now: datetime, until: datetime, limit: int) -> list[int]:
    """Return submissions that are due, the oldest first, and let nobody else have them so long.

    On PostgreSQL, where several may ask at once; call it in a transaction. On SQLite those who ask
    get the same ones.
    """
    due = _due(now).order_by(pending_submission.c.submission_id).limit(limit)
    if connection.dialect.name != "postgresql":
        return list(connection.execute(due).scalars())
    claimed = connection.execute(
        update(pending_submission)
        .where(pending_submission.c.submission_id.in_(due.with_for_update(skip_locked=True)))
        .values(not_before=until)
        .returning(pending_submission.c.submission_id)
    )
    return sorted(claimed.scalars())


def waiting_ids(
    connection: Connection, now: datetime, stored_before: datetime, limit: int
) -> list[int]:
    """Return submissions that are due and were stored before a time, the oldest first."""
    statement = _due(now).where(pending_submission.c.created <= stored_before)
    ordered = statement.order_by(pending_submission.c.submission_id).limit(limit)
    return list(connection.execute(ordered).scalars())


def release(connection: Connection, ids: Sequence[int], not_before: datetime) -> None:
    """Let go of submissions: they are due again at that time, and no try is counted."""
    table = pending_submission
    connection.execute(
        update(table).where(table.c.submission_id.in_(ids)).values(not_before=not_before)
    )


def count_pending(connection: Connection) -> int:
    """Return how many submissions wait in the outbox."""
    return int(
        connection.execute(select(func.count()).select_from(pending_submission)).scalar_one()
    )


def record_outcomes(connection: Connection, outcomes: Sequence[Outcome]) -> None:
    """Write the outcomes and take the submissions out of the outbox. Idempotent."""
    results = [
        {
            "submission_id": one.id,
            "fingerprint_id": one.fingerprint_id,
            "track_id": one.track_id,
            "track_gid": one.track_gid,
        }
        for one in outcomes
        if one.track_id is not None
    ]
    if results:
        connection.execute(upsert(connection, submission_result).on_conflict_do_nothing(), results)
    alike: dict[tuple[State, str | None], list[int]] = {}
    for one in outcomes:
        alike.setdefault((one.state, one.reason), []).append(one.id)
    for (state, reason), ids in alike.items():
        connection.execute(
            update(submission)
            .where(submission.c.id.in_(ids))
            .values(state=state.value, reason=reason, handled=func.now())
        )
    forget_pending(connection, [one.id for one in outcomes])


def attempts(connection: Connection, submission_id: int) -> int | None:
    """Return how often the import of a submission was tried in vain; None: it does not wait."""
    table = pending_submission
    found = connection.execute(
        select(table.c.attempts).where(table.c.submission_id == submission_id)
    ).scalar()
    return None if found is None else int(found)


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


def forget_pending(connection: Connection, ids: Sequence[int]) -> None:
    """Take submissions that are handled already out of the outbox; those that wait stay there.

    What was handled when it was read may have been put back since. Whatever somebody else is
    changing at this moment is left to them.
    """
    if not ids:
        return
    handled = (
        select(submission.c.id)
        .where(submission.c.id.in_(ids), submission.c.state != State.PENDING.value)
        .with_for_update(skip_locked=True)
    )
    table = pending_submission
    connection.execute(delete(table).where(table.c.submission_id.in_(handled)))


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


def _due(now: datetime) -> Select[Any]:
    table = pending_submission
    return select(table.c.submission_id).where(
        or_(table.c.not_before.is_(None), table.c.not_before <= now)
    )


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
