"""Questions about the catalogue itself: a stored fingerprint, the tracks of a recording."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fpservice.db.fingerprint.fingerprints import FingerprintRow, fetch_fingerprints
from fpservice.db.fingerprint.links import tracks_of_recordings
from fpservice.db.fingerprint.tracks import tracks_by_id
from fpservice.db.transaction import Database

_MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LinkedTrack:
    """A track that submissions link to a recording; someone may have disabled the link."""

    gid: uuid.UUID
    disabled: bool


class CatalogueService:
    """Reads the database ``fingerprint``."""

    def __init__(self, fingerprint: Database) -> None:
        """Read from this database."""
        self._fingerprint = fingerprint

    def fingerprint(self, fingerprint_id: int) -> FingerprintRow | None:
        """Return a stored fingerprint."""
        if not 0 < fingerprint_id <= _MAX_ID:
            return None
        with self._fingerprint.reading() as connection:
            return fetch_fingerprints(connection, [fingerprint_id]).get(fingerprint_id)

    def tracks_of_recordings(
        self, mbids: Sequence[uuid.UUID], *, with_disabled: bool
    ) -> dict[uuid.UUID, list[LinkedTrack]]:
        """Return the tracks linked to each recording, mergers followed, the oldest first."""
        with self._fingerprint.reading() as connection:
            links = tracks_of_recordings(connection, mbids, with_disabled=with_disabled)
            tracks = tracks_by_id(connection, {link.track_id for link in links})
        found: dict[uuid.UUID, dict[uuid.UUID, LinkedTrack]] = defaultdict(dict)
        for link in links:
            track = tracks.get(link.track_id)
            # Of two links that a merger brought together the enabled one counts.
            if track and (track.gid not in found[link.mbid] or not link.disabled):
                found[link.mbid][track.gid] = LinkedTrack(track.gid, link.disabled)
        return {mbid: list(some.values()) for mbid, some in found.items()}
