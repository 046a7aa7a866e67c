"""The tracks of recordings, and the mediums they are on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import String, cast, select

from fpservice.db.musicbrainz.tables import medium, medium_format, track
from fpservice.db.quick import QuickConnection, QuickStatement, Row
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


_TRACKS = QuickStatement(
    lambda among: (
        select(
            track.c.recording,
            medium.c.release,
            cast(track.c.gid, String),
            track.c.position,
            track.c.name,
            track.c.artist_credit,
            track.c.length,
            medium.c.position,
            medium.c.track_count,
            medium_format.c.name,
            medium.c.name,
        )
        .join(medium, medium.c.id == track.c.medium)
        .outerjoin(medium_format, medium_format.c.id == medium.c.format)
        .where(among(track.c.recording))
    )
)
_RELEASES = QuickStatement(
    lambda among: (
        select(track.c.recording, medium.c.release)
        .distinct()
        .join(medium, medium.c.id == track.c.medium)
        .where(among(track.c.recording))
    )
)


def tracks_of_recordings(
    connection: QuickConnection, recording_ids: Collection[int]
) -> list[TrackRow]:
    """Return the tracks, in one statement."""
    if not recording_ids:
        return []
    return [_track_row(row) for row in connection.rows(_TRACKS, list(recording_ids))]


def _track_row(row: Row) -> TrackRow:
    recording, release, gid, position, name, artist_credit, length, *disc = row
    disc_position, track_count, format, title = disc
    medium = Medium(disc_position, track_count, format, title or None)
    return TrackRow(recording, release, gid, position, name, artist_credit, length, medium)


def releases_of_recordings(
    connection: QuickConnection, recording_ids: Collection[int]
) -> list[tuple[int, int]]:
    """Return each recording with each of the releases it is on, in one statement."""
    if not recording_ids:
        return []
    rows = connection.rows(_RELEASES, list(recording_ids))
    return [(recording, release) for recording, release in rows]
