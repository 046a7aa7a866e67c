"""Links under MBIDs that a recording no longer has."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, func, select, update

from fpservice.db.fingerprint.link_changes import hand_over_changes
from fpservice.db.fingerprint.tables import track_mbid


@dataclass(frozen=True, slots=True)
class JoinedLink:
    """Links of a track that are one: ``kept`` has the MBID and the count; the others end."""

    kept_id: int
    mbid: uuid.UUID
    submission_count: int
    ended_ids: tuple[int, ...]


def linked_mbids(connection: Connection, after: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Return the next MBIDs to which tracks are linked, rising."""
    statement = (
        select(track_mbid.c.mbid)
        .distinct()
        .where(track_mbid.c.mbid > after)
        .order_by(track_mbid.c.mbid)
        .limit(limit)
    )
    return list(connection.execute(statement).scalars())


def write_joined(connection: Connection, joined: Sequence[JoinedLink]) -> None:
    """Write links that were joined, each over those that it was made of."""
    ended = {id: one.kept_id for one in joined for id in one.ended_ids}
    hand_over_changes(connection, ended)
    # Before the one that is kept may have the MBID of another.
    if ended:
        connection.execute(
            delete(track_mbid).where(track_mbid.c.id == bindparam("ended")),
            [{"ended": id} for id in ended],
        )
    if joined:
        connection.execute(
            update(track_mbid)
            .where(track_mbid.c.id == bindparam("kept"))
            .values(mbid=bindparam("to"), submission_count=bindparam("sum"), updated=func.now()),
            [{"kept": one.kept_id, "to": one.mbid, "sum": one.submission_count} for one in joined],
        )
