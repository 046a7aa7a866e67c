"""Links to recordings that somebody disables or enables, and the history of it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, insert, select, update

from fpservice.db.fingerprint.tables import track_mbid, track_mbid_change


@dataclass(frozen=True, slots=True)
class MbidLink:
    """A link of a track to a recording, enabled or not, and how many submissions say so."""

    id: int
    track_id: int
    mbid: uuid.UUID
    submission_count: int
    disabled: bool


@dataclass(frozen=True, slots=True)
class LinkChange:
    """Who (``name``) changed a link and why; ``disabled`` is how it was from then on."""

    track_mbid_id: int
    name: str
    note: str
    disabled: bool


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change in the history of a track."""

    created: datetime
    mbid: uuid.UUID
    name: str
    note: str
    disabled: bool


_LINK = (
    track_mbid.c.id,
    track_mbid.c.track_id,
    track_mbid.c.mbid,
    track_mbid.c.submission_count,
    track_mbid.c.disabled,
)


def links_of_track(connection: Connection, track_id: int) -> list[MbidLink]:
    """Return all links of a track to recordings, most submitted first, then by MBID."""
    rows = connection.execute(
        select(*_LINK)
        .where(track_mbid.c.track_id == track_id)
        .order_by(track_mbid.c.submission_count.desc(), track_mbid.c.mbid)
    )
    return [MbidLink(*row) for row in rows]


def links_of_mbids(connection: Connection, mbids: Collection[uuid.UUID]) -> list[MbidLink]:
    """Return all links to recordings under these very MBIDs, the oldest first."""
    rows = connection.execute(
        select(*_LINK).where(track_mbid.c.mbid.in_(mbids)).order_by(track_mbid.c.id)
    )
    return [MbidLink(*row) for row in rows]


def set_disabled(connection: Connection, link_ids: Collection[int], disabled: bool) -> None:
    """Switch links; the caller records the changes."""
    connection.execute(
        update(track_mbid)
        .where(track_mbid.c.id.in_(link_ids))
        .values(disabled=disabled, updated=func.now())
    )


def record_changes(connection: Connection, changes: Sequence[LinkChange]) -> None:
    """Add to the history, in the transaction that makes the changes."""
    if changes:
        connection.execute(insert(track_mbid_change), [asdict(one) for one in changes])


def hand_over_changes(connection: Connection, kept: Mapping[int, int]) -> None:
    """Give the history of links that end to those that are kept, by id."""
    if kept:
        connection.execute(
            update(track_mbid_change)
            .where(track_mbid_change.c.track_mbid_id == bindparam("old"))
            .values(track_mbid_id=bindparam("new")),
            [{"old": old, "new": new} for old, new in kept.items()],
        )


def changes_of_track(connection: Connection, track_id: int) -> list[PastChange]:
    """Return what was changed at the links of a track, the latest last."""
    change = track_mbid_change
    rows = connection.execute(
        select(change.c.created, track_mbid.c.mbid, change.c.name, change.c.note, change.c.disabled)
        .join(track_mbid, track_mbid.c.id == change.c.track_mbid_id)
        .where(track_mbid.c.track_id == track_id)
        .order_by(change.c.id)
    )
    return [PastChange(*row) for row in rows]
