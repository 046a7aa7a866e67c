"""Which submissions took effect in this database: what makes an import happen exactly once."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from fpservice.db.fingerprint.tables import imported_submission


@dataclass(frozen=True, slots=True)
class ImportedSubmission:
    """The fingerprint and the track that a submission came to."""

    submission_id: int
    fingerprint_id: int
    track_id: int


def find_imported(connection: Connection, submission_id: int) -> ImportedSubmission | None:
    """Return what the submission came to, if it took effect."""
    table = imported_submission
    row = connection.execute(
        select(table.c.fingerprint_id, table.c.track_id).where(
            table.c.submission_id == submission_id
        )
    ).first()
    return ImportedSubmission(submission_id, row.fingerprint_id, row.track_id) if row else None


def add_imported(connection: Connection, imported: ImportedSubmission) -> None:
    """Record that a submission took effect.

    Raises:
        sqlalchemy.exc.IntegrityError: it did already; the transaction must not be committed.
    """
    connection.execute(
        insert(imported_submission).values(
            submission_id=imported.submission_id,
            fingerprint_id=imported.fingerprint_id,
            track_id=imported.track_id,
        )
    )
