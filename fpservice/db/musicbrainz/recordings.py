"""Recordings by MBID, mergers followed, and all the MBIDs that a recording has had."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    String,
    Subquery,
    cast,
    func,
    null,
    select,
    union_all,
)

from fpservice.db.musicbrainz.tables import isrc, recording, recording_gid_redirect


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
    connection: Connection, mbids: Collection[uuid.UUID], *, with_isrcs: bool
) -> list[RecordingRow]:
    """Return the recordings that exist, in one statement."""
    if not mbids:
        return []
    asked = _asked(mbids)
    rows = connection.execute(
        select(
            asked.c.gid.label("asked"),
            recording.c.id,
            cast(recording.c.gid, String).label("gid"),
            recording.c.name,
            recording.c.length,
            recording.c.artist_credit,
            (_isrcs() if with_isrcs else null()).label("isrcs"),
        ).join(recording, recording.c.id == asked.c.id)
    )
    return [
        RecordingRow(
            row.asked,
            row.id,
            row.gid,
            row.name,
            row.length,
            row.artist_credit,
            tuple(row.isrcs or ()),
        )
        for row in rows
    ]


def mbids_of_recordings(
    connection: Connection, mbids: Collection[uuid.UUID]
) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
    """Return the present and the former MBIDs of each recording that exists."""
    if not mbids:
        return {}
    asked = _asked(mbids)
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


def _asked(mbids: Collection[uuid.UUID]) -> Subquery:
    """Return MBIDs that exist or once did (``gid``), and the recordings they mean (``id``)."""
    redirect = recording_gid_redirect
    return union_all(
        select(recording.c.gid, recording.c.id).where(recording.c.gid.in_(mbids)),
        select(redirect.c.gid, redirect.c.new_id).where(redirect.c.gid.in_(mbids)),
    ).subquery("asked")


def _isrcs() -> ColumnElement[list[str]]:
    statement = select(isrc.c.isrc).where(isrc.c.recording == recording.c.id).order_by(isrc.c.isrc)
    return func.array(statement.correlate(recording).scalar_subquery(), type_=ARRAY(String))
