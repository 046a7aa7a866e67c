"""Questions about the catalogue itself: a stored fingerprint, the tracks of a recording."""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fpservice.db.fingerprint.fingerprints import FingerprintRow, fetch_fingerprints
from fpservice.db.fingerprint.links import tracks_of_recordings
from fpservice.db.fingerprint.tracks import tracks_by_id
from fpservice.db.transaction import Database
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.interfaces import MetadataProvider

_log = logging.getLogger(__name__)
_MAX_ID = 2**63 - 1


@dataclass(frozen=True, slots=True)
class LinkedTrack:
    """A track that submissions link to a recording; someone may have disabled the link."""

    gid: uuid.UUID
    disabled: bool


class CatalogueService:
    """Reads the database ``fingerprint``."""

    def __init__(self, fingerprint: Database, provider: MetadataProvider) -> None:
        """Read from this database; the provider knows which MBIDs were merged."""
        self._fingerprint = fingerprint
        self._provider = provider

    def fingerprint(self, fingerprint_id: int) -> FingerprintRow | None:
        """Return a stored fingerprint."""
        if not 0 < fingerprint_id <= _MAX_ID:
            return None
        with self._fingerprint.reading_replica() as connection:
            return fetch_fingerprints(connection, [fingerprint_id]).get(fingerprint_id)

    def tracks_of_recordings(
        self, mbids: Sequence[uuid.UUID], *, with_disabled: bool
    ) -> dict[uuid.UUID, list[LinkedTrack]]:
        """Return the tracks linked to each recording, mergers followed, the oldest first.

        Links of a recording that MusicBrainz merged into another one are links of that one too.
        """
        asked_by = self._asked_by(mbids)
        with self._fingerprint.reading_replica() as connection:
            links = tracks_of_recordings(connection, list(asked_by), with_disabled=with_disabled)
            tracks = tracks_by_id(connection, {link.track_id for link in links})
        found: dict[uuid.UUID, dict[uuid.UUID, LinkedTrack]] = defaultdict(dict)
        for link in links:
            track = tracks.get(link.track_id)
            if track is None:
                continue
            for mbid in asked_by[link.mbid]:
                # Of two links that a merger brought together the enabled one counts.
                if track.gid not in found[mbid] or not link.disabled:
                    found[mbid][track.gid] = LinkedTrack(track.gid, link.disabled)
        return {mbid: list(some.values()) for mbid, some in found.items()}

    def _asked_by(self, mbids: Sequence[uuid.UUID]) -> Mapping[uuid.UUID, set[uuid.UUID]]:
        """Return the MBIDs that links may have, each with those of the request that mean it."""
        wanted = set(mbids)
        try:
            aliases = self._provider.aliases(wanted)
        except MetadataUnavailableError as error:
            _log.info("not following merged MBIDs: %s", error)
            aliases = {}
        asked_by: dict[uuid.UUID, set[uuid.UUID]] = {mbid: {mbid} for mbid in wanted}
        for mbid, names in aliases.items():
            for name in names:
                asked_by.setdefault(name, set()).add(mbid)
        return asked_by
