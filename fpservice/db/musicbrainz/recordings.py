"""Recordings by MBID, mergers followed, and all the MBIDs that a recording has had."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Select,
    String,
    Subquery,
    cast,
    func,
    null,
    select,
    union_all,
)

from fpservice.db.musicbrainz.tables import isrc, recording, recording_gid_redirect
from fpservice.db.quick import Among, QuickConnection, QuickStatement


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A recording under the MBID that was asked for; ``length`` in milliseconds."""

    asked: uuid.UUID
    id: int
    gid: str
    name: str
    length: int | None
    artist_credit: int
    isrcs: tuple[str, ...]


def recordings_by_mbid(
    connection: QuickConnection, mbids: Collection[uuid.UUID], *, with_isrcs: bool
) -> list[RecordingRow]:
    """Return the recordings that exist, in one statement."""
    if not mbids:
        return []
    rows = connection.rows(_RECORDINGS_WITH_ISRCS if with_isrcs else _RECORDINGS, list(mbids))
    return [
        RecordingRow(asked, id, gid, name, length, artist_credit, tuple(isrcs or ()))
        for asked, id, gid, name, length, artist_credit, isrcs in rows
    ]


def mbids_of_recordings(
    connection: Connection, mbids: Collection[uuid.UUID]
) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Return the present and the former MBIDs of each recording that exists."""
    if not mbids:
        return {}
    asked = _asked(lambda column: column.in_(mbids))
    redirect = recording_gid_redirect
    found: dict[uuid.UUID, set[uuid.UUID]] = defaultdict(set)
    rows = connection.execute(
        union_all(
            select(asked.c.gid.label("asked"), recording.c.gid).join(
                recording, recording.c.id == asked.c.id
            ),
            select(asked.c.gid, redirect.c.gid).join(redirect, redirect.c.new_id == asked.c.id),
        )
    )
    for row in rows:
        found[row.asked].add(row.gid)
    return {mbid: frozenset(some) for mbid, some in found.items()}


def present_mbids(
    connection: Connection, mbids: Collection[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """Return the present MBID of each that was merged into another one; the rest are left out."""
    redirect = recording_gid_redirect
    rows = connection.execute(
        select(redirect.c.gid, recording.c.gid.label("present"))
        .join(recording, recording.c.id == redirect.c.new_id)
        .where(redirect.c.gid.in_(mbids))
    )
    return {row.gid: row.present for row in rows}


def _asked(among: Among) -> Subquery:
    """Return MBIDs that exist or once did (``gid``), and the recordings they mean (``id``)."""
    redirect = recording_gid_redirect
    return union_all(
        select(recording.c.gid, recording.c.id).where(among(recording.c.gid)),
        select(redirect.c.gid, redirect.c.new_id).where(among(redirect.c.gid)),
    ).subquery("asked")


def _recordings(among: Among, isrcs: ColumnElement[Any]) -> Select[Any]:
    asked = _asked(among)
    return select(
        asked.c.gid,
        recording.c.id,
        cast(recording.c.gid, String),
        recording.c.name,
        recording.c.length,
        recording.c.artist_credit,
        isrcs,
    ).join(recording, recording.c.id == asked.c.id)


def _isrcs() -> ColumnElement[list[str]]:
    statement = select(isrc.c.isrc).where(isrc.c.recording == recording.c.id).order_by(isrc.c.isrc)
    return func.array(statement.correlate(recording).scalar_subquery(), type_=ARRAY(String))


_RECORDINGS = QuickStatement(lambda among: _recordings(among, null()))
_RECORDINGS_WITH_ISRCS = QuickStatement(lambda among: _recordings(among, _isrcs()))
