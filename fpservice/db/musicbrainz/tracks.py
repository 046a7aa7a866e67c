"""The tracks of recordings, and the mediums they are on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, String, cast, select

from fpservice.db.musicbrainz.tables import medium, medium_format, track
from fpservice.domain.recording import Medium


@dataclass(frozen=True, slots=True)
class TrackRow:
    """A track of a recording on a release; ``length`` in milliseconds."""

    recording: int
    release: int
    gid: str
    position: int
    name: str
    artist_credit: int
    length: int | None
    medium: Medium


def tracks_of_recordings(connection: Connection, recording_ids: Collection[int]) -> list[TrackRow]:
    """Return the tracks, in one statement."""
    if not recording_ids:
        return []
    rows = connection.execute(
        select(
            track.c.recording,
            medium.c.release,
            cast(track.c.gid, String).label("gid"),
            track.c.position,
            track.c.name,
            track.c.artist_credit,
            track.c.length,
            medium.c.position.label("medium_position"),
            medium.c.name.label("medium_name"),
            medium.c.track_count,
            medium_format.c.name.label("format"),
        )
        .join(medium, medium.c.id == track.c.medium)
        .outerjoin(medium_format, medium_format.c.id == medium.c.format)
        .where(track.c.recording.in_(recording_ids))
    )
    return [
        TrackRow(
            row.recording,
            row.release,
            row.gid,
            row.position,
            row.name,
            row.artist_credit,
            row.length,
            Medium(row.medium_position, row.track_count, row.format, row.medium_name or None),
        )
        for row in rows
    ]


def releases_of_recordings(
    connection: Connection, recording_ids: Collection[int]
) -> list[tuple[int, int]]:
    """Return each recording with each of the releases it is on, in one statement."""
    if not recording_ids:
        return []
    rows = connection.execute(
        select(track.c.recording, medium.c.release)
        .distinct()
        .join(medium, medium.c.id == track.c.medium)
        .where(track.c.recording.in_(recording_ids))
    )
    return [(row.recording, row.release) for row in rows]
