"""Which submission, from whom, stands behind each link of a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import Connection

from fpservice.db.dialect import insert
from fpservice.db.ingest.tables import link_source


@dataclass(frozen=True, slots=True)
class LinkSource:
    """A submission counted this ``value`` for a track; ``kind`` as fingerprint or mbid."""

    submission_id: int
    source_id: int
    track_id: int
    kind: str
    value: str


def record_link_sources(connection: Connection, sources: Sequence[LinkSource]) -> None:
    """Write them down. Idempotent."""
    if sources:
        rows = [asdict(one) for one in sources]
        connection.execute(insert(connection, link_source).on_conflict_do_nothing(), rows)
