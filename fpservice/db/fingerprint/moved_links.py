"""The links of a track go to another one, where both have one the counts are summed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, Table, delete, func, select, update

from fpservice.db.fingerprint.link_changes import hand_over_changes
from fpservice.db.fingerprint.tables import (
    track_fingerprint,
    track_foreignid,
    track_mbid,
    track_meta,
    track_puid,
)

# Tables of links, and the column that holds what a track is linked to.
_LINKS: Final[tuple[tuple[Table, str], ...]] = (
    (track_fingerprint, "fingerprint_id"),
    (track_mbid, "mbid"),
    (track_puid, "puid"),
    (track_foreignid, "foreignid"),
    (track_meta, "meta_id"),
)


@dataclass(frozen=True, slots=True)
class SharedLink:
    """A recording to which two tracks have a link each."""

    mbid: uuid.UUID
    source_link_id: int
    source_disabled: bool
    target_link_id: int
    target_disabled: bool


def shared_links(connection: Connection, source_id: int, target_id: int) -> list[SharedLink]:
    """Return the recordings of both tracks, by MBID."""
    source, target = track_mbid.alias(), track_mbid.alias()
    rows = connection.execute(
        select(source.c.mbid, source.c.id, source.c.disabled, target.c.id, target.c.disabled)
        .join(target, target.c.mbid == source.c.mbid)
        .where(source.c.track_id == source_id, target.c.track_id == target_id)
        .order_by(source.c.mbid)
    )
    return [SharedLink(*row) for row in rows]


def move_links(
    connection: Connection, source_id: int, target_id: int, shared: Sequence[SharedLink]
) -> dict[str, int]:
    """Move all links of a track; return how many of each table there were.

    Links that both have are summed in those of the target, whose state counts; ``shared`` are
    those to recordings. The caller keeps others from writing links meanwhile.
    """
    hand_over_changes(connection, {one.source_link_id: one.target_link_id for one in shared})
    return {
        table.name: _move(connection, table, table.c[name], source_id, target_id)
        for table, name in _LINKS
    }


def _move(
    connection: Connection, table: Table, column: Column[object], source_id: int, target_id: int
) -> int:
    source = table.alias()
    of_source = select(source.c[column.name]).where(source.c.track_id == source_id)
    counted = (
        select(source.c.submission_count)
        .where(source.c.track_id == source_id, source.c[column.name] == column)
        .scalar_subquery()
    )
    of_both = (table.c.track_id == target_id) & column.in_(of_source)
    summed = {"submission_count": table.c.submission_count + counted, "updated": func.now()}
    connection.execute(update(table).where(of_both).values(summed))
    of_target = select(source.c[column.name]).where(source.c.track_id == target_id)
    both = (table.c.track_id == source_id) & column.in_(of_target)
    removed = connection.execute(delete(table).where(both)).rowcount
    rest = update(table).where(table.c.track_id == source_id)
    moved = connection.execute(rest.values(track_id=target_id, updated=func.now())).rowcount
    return removed + moved
