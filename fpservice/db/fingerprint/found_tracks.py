"""The tracks of fingerprints and the recordings of these tracks, in one round trip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import null, select, union_all

from fpservice.db.fingerprint.links import RecordingLink, links_of_tracks, recordings_of_tracks
from fpservice.db.fingerprint.tables import track, track_fingerprint, track_mbid
from fpservice.db.fingerprint.tracks import Track, ends_of_tracks
from fpservice.db.quick import QuickConnection, QuickStatement

# A row is of a fingerprint, or else of a link: its MBID is where a track has its gid, the number of
# its submissions where that has the track it was merged into. A join of the two would repeat all
# links of a track for each of its fingerprints.
_TRACKS_AND_LINKS = QuickStatement(
    lambda among: union_all(
        select(track_fingerprint.c.fingerprint_id, track.c.id, track.c.gid, track.c.new_id)
        .join(track, track.c.id == track_fingerprint.c.track_id)
        .where(among(track_fingerprint.c.fingerprint_id)),
        select(
            null(), track_mbid.c.track_id, track_mbid.c.mbid, track_mbid.c.submission_count
        ).where(
            ~track_mbid.c.disabled,
            track_mbid.c.track_id.in_(
                select(track_fingerprint.c.track_id).where(
                    among(track_fingerprint.c.fingerprint_id)
                )
            ),
        ),
    )
)


class TracksWithLinks(NamedTuple):
    """Tracks by the id of a fingerprint, and the links of each of them by its own id."""

    tracks: Mapping[int, Track]
    links: Mapping[int, list[RecordingLink]]


def tracks_with_links(
    connection: QuickConnection, fingerprint_ids: Sequence[int]
) -> TracksWithLinks:
    """Return the track of each fingerprint, mergers followed, and their enabled links.

    Fingerprints without a track are left out. Links are ordered as those of
    :func:`~fpservice.db.fingerprint.links.recordings_of_tracks`.
    """
    if not fingerprint_ids:
        return TracksWithLinks({}, {})
    rows = connection.rows(_TRACKS_AND_LINKS, fingerprint_ids)
    tracks = ends_of_tracks(connection, [row for row in rows if row[0] is not None])
    wanted = {one.id for one in tracks.values()}
    asked = {row[1] for row in rows if row[0] is not None}
    links = links_of_tracks(wanted & asked, [row[1:] for row in rows if row[0] is None])
    # The end of a merger is another track than the one whose links were asked for.
    others = sorted(wanted - asked)
    return TracksWithLinks(tracks, links | recordings_of_tracks(connection, others))
