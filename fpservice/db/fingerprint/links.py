"""Links from tracks to MusicBrainz recordings, PUIDs, foreign ids and submitted text."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from fpservice.db.dialect import insert
from fpservice.db.fingerprint.tables import (
    meta,
    track_foreignid,
    track_mbid,
    track_meta,
    track_puid,
)


@dataclass(frozen=True, slots=True)
class RecordingLink:
    """A MusicBrainz recording of a track and how many submissions say so."""

    track_id: int
    mbid: uuid.UUID
    sources: int


@dataclass(frozen=True, slots=True)
class TrackLink:
    """A track of a recording; a disabled link is known to be wrong."""

    mbid: uuid.UUID
    track_id: int
    disabled: bool


@dataclass(frozen=True, slots=True)
class TextLink:
    """Submitted text of a track."""

    track_id: int
    meta_id: int
    track: str | None
    artist: str | None
    album: str | None
    album_artist: str | None
    track_no: int | None
    disc_no: int | None
    year: int | None
    sources: int


def recordings_of_tracks(connection: Connection, track_ids: Sequence[int]) -> list[RecordingLink]:
    """Return the enabled links of these tracks, most submitted first, then by MBID."""
    if not track_ids:
        return []
    rows = connection.execute(
        select(track_mbid.c.track_id, track_mbid.c.mbid, track_mbid.c.submission_count)
        .where(track_mbid.c.track_id.in_(track_ids), ~track_mbid.c.disabled)
        .order_by(track_mbid.c.submission_count.desc(), track_mbid.c.mbid)
    )
    return [RecordingLink(row.track_id, row.mbid, row.submission_count) for row in rows]


def tracks_of_recordings(
    connection: Connection, mbids: Sequence[uuid.UUID], *, with_disabled: bool
) -> list[TrackLink]:
    """Return the links of these recordings, by track."""
    if not mbids:
        return []
    table = track_mbid
    statement = (
        select(table.c.mbid, table.c.track_id, table.c.disabled)
        .where(table.c.mbid.in_(set(mbids)))
        .order_by(table.c.track_id)
    )
    if not with_disabled:
        statement = statement.where(~table.c.disabled)
    return [
        TrackLink(row.mbid, row.track_id, row.disabled) for row in connection.execute(statement)
    ]


def texts_of_tracks(connection: Connection, track_ids: Sequence[int]) -> list[TextLink]:
    """Return the submitted text of these tracks, most submitted first."""
    if not track_ids:
        return []
    rows = connection.execute(
        select(track_meta.c.track_id, track_meta.c.submission_count, meta)
        .join(meta, meta.c.id == track_meta.c.meta_id)
        .where(track_meta.c.track_id.in_(track_ids))
        .order_by(track_meta.c.submission_count.desc(), meta.c.id)
    )
    return [
        TextLink(
            row.track_id,
            row.id,
            row.track,
            row.artist,
            row.album,
            row.album_artist,
            row.track_no,
            row.disc_no,
            row.year,
            row.submission_count,
        )
        for row in rows
    ]


def count_mbid(connection: Connection, track_id: int, mbid: uuid.UUID) -> None:
    """Add the link, or count one submission more. A disabled link stays disabled."""
    _count(connection, track_mbid, track_id, "mbid", mbid)


def count_puid(connection: Connection, track_id: int, puid: uuid.UUID) -> None:
    """Add the link, or count one submission more."""
    _count(connection, track_puid, track_id, "puid", puid)


def count_foreignid(connection: Connection, track_id: int, foreignid: str) -> None:
    """Add the link, or count one submission more."""
    _count(connection, track_foreignid, track_id, "foreignid", foreignid)


def count_text(connection: Connection, track_id: int, meta_id: int) -> None:
    """Add the link, or count one submission more."""
    _count(connection, track_meta, track_id, "meta_id", meta_id)


def find_or_add_text(connection: Connection, text: dict[str, Any], digest: int) -> int:
    """Return the id of the row with this text; ``digest`` is a signed 64-bit hash of it.

    The caller holds the import lock of the digest, so equal text is not added twice.
    """
    rows = connection.execute(select(meta).where(meta.c.digest == digest).order_by(meta.c.id))
    for row in rows.mappings():
        if all(row[name] == value for name, value in text.items()):
            return int(row["id"])
    statement = insert(connection, meta).values(**text, digest=digest).returning(meta.c.id)
    return int(connection.execute(statement).scalar_one())


def _count(connection: Connection, table: Table, track_id: int, name: str, value: Any) -> None:
    statement = insert(connection, table).values(
        {"track_id": track_id, name: value, "submission_count": 1}
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[table.c.track_id, table.c[name]],
            set_={"submission_count": table.c.submission_count + 1},
        )
    )
