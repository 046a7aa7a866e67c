"""Links from tracks to MusicBrainz recordings, PUIDs, foreign ids and submitted text."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields

from sqlalchemy import Connection, insert, select

from fpservice.db.fingerprint.counts import count_rows
from fpservice.db.fingerprint.tables import (
    meta,
    track_foreignid,
    track_mbid,
    track_meta,
    track_puid,
)
from fpservice.db.quick import QuickConnection, QuickStatement, Row, as_uuid
from fpservice.domain.submission import SubmittedText

_RECORDINGS_OF_TRACKS = QuickStatement(
    lambda among: select(
        track_mbid.c.track_id, track_mbid.c.mbid, track_mbid.c.submission_count
    ).where(among(track_mbid.c.track_id), ~track_mbid.c.disabled)
)
_TEXT = tuple(field.name for field in fields(SubmittedText))


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


def recordings_of_tracks(
    connection: QuickConnection, track_ids: Sequence[int]
) -> dict[int, list[RecordingLink]]:
    """Return the enabled links of each of these tracks, most submitted first, then by MBID."""
    rows = connection.rows(_RECORDINGS_OF_TRACKS, track_ids) if track_ids else []
    return links_of_tracks(track_ids, rows)


def links_of_tracks(
    track_ids: Iterable[int], rows: Iterable[Row]
) -> dict[int, list[RecordingLink]]:
    """Return the links of each of these tracks, most submitted first, then by MBID.

    Args:
        track_ids: the tracks; one without a link has an empty list.
        rows: track id, MBID and the number of submissions; those of other tracks are left out.
    """
    found: dict[int, list[RecordingLink]] = {track_id: [] for track_id in track_ids}
    for track_id, mbid, sources in rows:
        if track_id in found:
            found[track_id].append(RecordingLink(track_id, as_uuid(mbid), sources))
    for links in found.values():
        links.sort(key=lambda link: (-link.sources, link.mbid))
    return found


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


def count_mbids(connection: Connection, counts: Mapping[tuple[int, uuid.UUID], int]) -> None:
    """Count submissions by (track id, MBID). A disabled link stays disabled."""
    count_rows(connection, track_mbid, "mbid", counts)


def count_puids(connection: Connection, counts: Mapping[tuple[int, uuid.UUID], int]) -> None:
    """Count submissions by (track id, PUID)."""
    count_rows(connection, track_puid, "puid", counts)


def count_foreignids(connection: Connection, counts: Mapping[tuple[int, str], int]) -> None:
    """Count submissions by (track id, foreign id)."""
    count_rows(connection, track_foreignid, "foreignid", counts)


def count_texts(connection: Connection, counts: Mapping[tuple[int, int], int]) -> None:
    """Count submissions by (track id, id of the text)."""
    count_rows(connection, track_meta, "meta_id", counts)


def find_or_add_texts(
    connection: Connection, texts: Iterable[SubmittedText]
) -> dict[SubmittedText, int]:
    """Return the id of the row with each text.

    The caller holds the import lock, so equal text is not added twice.
    """
    digests = {text: text.digest() for text in texts}
    if not digests:
        return {}
    rows = connection.execute(
        select(meta).where(meta.c.digest.in_(set(digests.values()))).order_by(meta.c.id.desc())
    )
    # Of rows with the same text the first one counts.
    known = {
        SubmittedText(**{name: row[name] for name in _TEXT}): row["id"] for row in rows.mappings()
    }
    missing = [text for text in digests if text not in known]
    if missing:
        statement = insert(meta).returning(meta.c.id, sort_by_parameter_order=True)
        values = [{**text.as_dict(), "digest": digests[text]} for text in missing]
        added = connection.execute(statement, values).scalars()
        known.update(zip(missing, added, strict=True))
    return {text: known[text] for text in digests}
