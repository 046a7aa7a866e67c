"""Links to recordings that are known to be wrong: disabled, enabled again, and their history."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass

from fpservice.db.fingerprint.link_changes import (
    LinkChange,
    PastChange,
    changes_of_track,
    links_of_track,
    record_changes,
    set_disabled,
)
from fpservice.db.fingerprint.track_rows import TrackName
from fpservice.db.locks import lock_imports
from fpservice.db.transaction import Database
from fpservice.domain.errors import MetadataUnavailableError, UnknownLinkError
from fpservice.interfaces import MetadataProvider
from fpservice.services.track_merging import surviving_track

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Switched:
    """Which links of a track changed; none if all were as wished before."""

    track: uuid.UUID
    mbids: tuple[uuid.UUID, ...]


class LinkStates:
    """Switches links of the database ``fingerprint``; mergers of tracks are followed."""

    def __init__(self, fingerprint: Database, provider: MetadataProvider) -> None:
        """Write to this database; the provider knows which MBIDs were merged."""
        self._fingerprint = fingerprint
        self._provider = provider

    def switch(
        self, name: TrackName, mbid: uuid.UUID, *, disabled: bool, by: str, note: str
    ) -> Switched:
        """Disable or enable the links of a track to a recording, and record who did and why.

        Links under former MBIDs of the recording are switched too: lookups take them for its own.

        Raises:
            UnknownTrackError, UnknownLinkError: there is nothing to switch.
            MergeRefusedError: the track was merged into none that exists.
            DatabaseUnavailableError: the database does not answer; nothing was changed.
        """
        mbids = self._all_mbids(mbid)
        with self._fingerprint.writing() as connection:
            # Mergers may move or end links meanwhile.
            lock_imports(connection)
            track = surviving_track(connection, name)
            links = [one for one in links_of_track(connection, track.id) if one.mbid in mbids]
            if not links:
                raise UnknownLinkError(f"track {track.gid} has no link to recording {mbid}")
            changed = [one for one in links if one.disabled != disabled]
            if changed:
                set_disabled(connection, [one.id for one in changed], disabled)
            changes = [LinkChange(one.id, by, note, disabled) for one in changed]
            record_changes(connection, changes)
        return Switched(track.gid, tuple(one.mbid for one in changed))

    def history(self, name: TrackName) -> list[PastChange]:
        """Return what was changed at the links of a track, the latest last.

        Raises:
            UnknownTrackError: there is none.
            MergeRefusedError: the track was merged into none that exists.
            DatabaseUnavailableError: the database does not answer.
        """
        with self._fingerprint.reading() as connection:
            return changes_of_track(connection, surviving_track(connection, name).id)

    def _all_mbids(self, mbid: uuid.UUID) -> frozenset[uuid.UUID]:
        try:
            known = self._provider.aliases([mbid]).get(mbid, frozenset())
        except MetadataUnavailableError as error:
            _log.warning("not looking for former MBIDs: %s", error)
            known = frozenset()
        return known | {mbid}
