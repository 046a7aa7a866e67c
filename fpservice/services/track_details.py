"""All that is stored of one track."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from fpservice.db.fingerprint.link_changes import MbidLink, links_of_track
from fpservice.db.fingerprint.links import TextLink, texts_of_tracks
from fpservice.db.fingerprint.other_links import (
    FingerprintLink,
    fingerprints_linked,
    foreignids_linked,
    puids_linked,
)
from fpservice.db.fingerprint.track_rows import StoredTrack, TrackName, gids_merged_into
from fpservice.db.fingerprint.tracks import tracks_by_id
from fpservice.db.transaction import Database
from fpservice.services.track_merging import stored_track


@dataclass(frozen=True, slots=True)
class TrackDetails:
    """A track and its links; of a merged one ``merged_into`` is the end of its chain.

    ``merged_from``: the tracks that lead to this one. Links by falling number of submissions.
    """

    track: StoredTrack
    merged_into: uuid.UUID | None
    merged_from: Sequence[uuid.UUID]
    fingerprints: Sequence[FingerprintLink]
    recordings: Sequence[MbidLink]
    puids: Mapping[uuid.UUID, int]
    foreignids: Mapping[str, int]
    texts: Sequence[TextLink]


class TrackDetailsService:
    """Reads the database ``fingerprint``."""

    def __init__(self, fingerprint: Database) -> None:
        """Read from this database."""
        self._fingerprint = fingerprint

    def show(self, name: TrackName) -> TrackDetails:
        """Return what is stored of the track with this gid or id itself, merged or not.

        Raises:
            UnknownTrackError: there is none.
            DatabaseUnavailableError: the database does not answer.
        """
        with self._fingerprint.reading() as connection:
            track = stored_track(connection, name)
            return TrackDetails(
                track,
                _merged_into(connection, track),
                gids_merged_into(connection, track.id),
                fingerprints_linked(connection, track.id),
                links_of_track(connection, track.id),
                puids_linked(connection, track.id),
                foreignids_linked(connection, track.id),
                texts_of_tracks(connection, [track.id]),
            )


def _merged_into(connection: Connection, track: StoredTrack) -> uuid.UUID | None:
    end = tracks_by_id(connection, [track.id]).get(track.id)
    return end.gid if end and end.id != track.id else None
