"""Tracks as they are stored, mergers not followed, and what marks one as merged."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, or_, select, update

from fpservice.db.fingerprint.tables import track

# Nobody can have a higher one.
_MAX_ID = 2**63 - 1
TrackName = uuid.UUID | int


@dataclass(frozen=True, slots=True)
class StoredTrack:
    """A track; ``new_id`` is the one into which it was merged."""

    id: int
    gid: uuid.UUID
    new_id: int | None
    created: datetime


def find_track(connection: Connection, name: TrackName) -> StoredTrack | None:
    """Return the track with this gid or id."""
    if isinstance(name, int) and not 0 < name <= _MAX_ID:
        return None
    column = track.c.id if isinstance(name, int) else track.c.gid
    row = connection.execute(
        select(track.c.id, track.c.gid, track.c.new_id, track.c.created).where(column == name)
    ).one_or_none()
    return StoredTrack(*row) if row else None


def mark_merged(connection: Connection, source_id: int, target_id: int) -> None:
    """Let a track lead to another one, and so at once those that led to it.

    Without the latter, chains would grow with every merger until nobody follows them any more.
    """
    connection.execute(
        update(track)
        .where(or_(track.c.id == source_id, track.c.new_id == source_id))
        .values(new_id=target_id, updated=func.now())
    )


def gids_merged_into(connection: Connection, track_id: int) -> list[uuid.UUID]:
    """Return the gids of the tracks that lead to this one, also through others, by id."""
    found: dict[int, uuid.UUID] = {}
    current = [track_id]
    while current:
        rows = connection.execute(
            select(track.c.id, track.c.gid).where(track.c.new_id.in_(current))
        ).all()
        # Dumps may have loops.
        current = [row.id for row in rows if row.id not in found and row.id != track_id]
        found.update((row.id, row.gid) for row in rows if row.id in current)
    return [found[id] for id in sorted(found)]
