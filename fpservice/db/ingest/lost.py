"""Submissions that wait for their import, and that nobody would ever import."""

from __future__ import annotations

from sqlalchemy import Connection, exists, select

from fpservice.db.dialect import insert as upsert
from fpservice.db.ingest.tables import pending_submission, submission
from fpservice.domain.submission import State


def put_back_lost(connection: Connection) -> int:
    """Put submissions that wait and are not in the outbox back into it; return how many.

    State and outbox are only ever changed together, so there should be none.
    """
    table = pending_submission
    lost = select(submission.c.id).where(
        submission.c.state == State.PENDING.value,
        ~exists().where(table.c.submission_id == submission.c.id),
    )
    statement = upsert(connection, table).from_select(["submission_id"], lost)
    return connection.execute(statement.on_conflict_do_nothing()).rowcount
