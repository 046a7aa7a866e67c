"""Which submissions took effect in this database: what makes an import happen exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection, insert, select

from fpservice.db.fingerprint.tables import imported_submission


@dataclass(frozen=True, slots=True)
class ImportedSubmission:
    """The fingerprint and the track that a submission came to."""

    submission_id: int
    fingerprint_id: int
    track_id: int


def find_imported(
    connection: Connection, submission_ids: Sequence[int]
) -> dict[int, ImportedSubmission]:
    """Return what these submissions came to, by id; those without effect are left out."""
    table = imported_submission
    rows = connection.execute(
        select(table.c.submission_id, table.c.fingerprint_id, table.c.track_id).where(
            table.c.submission_id.in_(submission_ids)
        )
    )
    return {row.submission_id: ImportedSubmission(*row) for row in rows}


def add_imported(connection: Connection, imported: Sequence[ImportedSubmission]) -> None:
    """Record that submissions took effect.

    Raises:
        sqlalchemy.exc.IntegrityError: one did already; the transaction must not be committed.
    """
    if imported:
        connection.execute(insert(imported_submission), [asdict(one) for one in imported])
