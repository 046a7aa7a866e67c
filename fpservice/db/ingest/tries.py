"""The tries to import submissions that have begun: one that never came to an end is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select, text, update

from fpservice.db.ingest.tables import pending_submission


@dataclass(frozen=True, slots=True)
class OpenTries:
    """A submission of which tries were ``begun`` and not ended; ``attempts`` were in vain."""

    submission_id: int
    begun: int
    attempts: int


def begin_together(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Note that a try of these begins, and return those of which none is open besides."""
    _need_not_last(connection)
    table = pending_submission
    begun = connection.execute(
        update(table)
        .where(table.c.submission_id.in_(ids), table.c.begun == 0)
        .values(begun=1)
        .returning(table.c.submission_id)
    )
    return set(begun.scalars())


def begin_alone(connection: Connection, submission_id: int, not_before: datetime) -> None:
    """Note that one more try begins; if it is the end of the process, wait until ``not_before``."""
    _need_not_last(connection)
    table = pending_submission
    connection.execute(
        update(table)
        .where(table.c.submission_id == submission_id)
        .values(begun=table.c.begun + 1, not_before=not_before)
    )


def open_tries(connection: Connection, ids: Iterable[int]) -> list[OpenTries]:
    """Return those of which a try is open, the least suspicious one first."""
    table = pending_submission
    rows = connection.execute(
        select(table.c.submission_id, table.c.begun, table.c.attempts)
        .where(table.c.submission_id.in_(ids), table.c.begun > 0)
        .order_by(table.c.begun, table.c.submission_id)
    )
    return [OpenTries(*row) for row in rows]


def end_tries(connection: Connection, ids: Iterable[int]) -> None:
    """Take back the latest try of each: its process lives."""
    table = pending_submission
    connection.execute(
        update(table)
        .where(table.c.submission_id.in_(ids), table.c.begun > 0)
        .values(begun=table.c.begun - 1)
    )


def _need_not_last(connection: Connection) -> None:
    """Do not wait for the disk: this is to outlive the process, not the database."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL synchronous_commit TO off"))
