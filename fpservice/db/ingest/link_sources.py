"""Which submission, from whom, stands behind each link of a track."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection

from fpservice.db.dialect import insert
from fpservice.db.ingest.tables import link_source


def record_link_sources(
    connection: Connection,
    submission_id: int,
    source_id: int,
    track_id: int,
    values: Mapping[str, str],
) -> None:
    """Write one row for each kind of link that a submission counted. Idempotent."""
    rows = [
        {
            "submission_id": submission_id,
            "source_id": source_id,
            "track_id": track_id,
            "kind": kind,
            "value": value,
        }
        for kind, value in values.items()
    ]
    if rows:
        connection.execute(insert(connection, link_source).on_conflict_do_nothing(), rows)
