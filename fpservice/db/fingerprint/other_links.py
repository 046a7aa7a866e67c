"""What else a track is linked to, to be shown: fingerprints, PUIDs and foreign ids."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, Table, select

from fpservice.db.fingerprint.tables import (
    fingerprint,
    track_fingerprint,
    track_foreignid,
    track_puid,
)


@dataclass(frozen=True, slots=True)
class FingerprintLink:
    """A fingerprint of a track; ``duration`` in seconds, None if the row is not there (yet)."""

    id: int
    duration: int | None
    submission_count: int


def fingerprints_linked(connection: Connection, track_id: int) -> list[FingerprintLink]:
    """Return the fingerprints of a track, most submitted first, then by id."""
    link = track_fingerprint
    rows = connection.execute(
        select(link.c.fingerprint_id, fingerprint.c.length, link.c.submission_count)
        .outerjoin(fingerprint, fingerprint.c.id == link.c.fingerprint_id)
        .where(link.c.track_id == track_id)
        .order_by(link.c.submission_count.desc(), link.c.fingerprint_id)
    )
    return [FingerprintLink(*row) for row in rows]


def puids_linked(connection: Connection, track_id: int) -> dict[uuid.UUID, int]:
    """Return how many submissions link a track to each PUID, most submitted first."""
    return _counts(connection, track_puid, track_puid.c.puid, track_id)


def foreignids_linked(connection: Connection, track_id: int) -> dict[str, int]:
    """Return how many submissions link a track to each foreign id, most submitted first."""
    return _counts(connection, track_foreignid, track_foreignid.c.foreignid, track_id)


def _counts(
    connection: Connection, table: Table, column: Column[Any], track_id: int
) -> dict[Any, int]:
    rows = connection.execute(
        select(column, table.c.submission_count)
        .where(table.c.track_id == track_id)
        .order_by(table.c.submission_count.desc(), column)
    )
    return {row[0]: row[1] for row in rows}
