"""Two tracks that turn out to be the same music become one."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from fpservice.db.fingerprint.link_changes import LinkChange, record_changes, set_disabled
from fpservice.db.fingerprint.moved_links import SharedLink, move_links, shared_links
from fpservice.db.fingerprint.track_rows import StoredTrack, TrackName, find_track, mark_merged
from fpservice.db.fingerprint.tracks import Track, tracks_by_id
from fpservice.db.locks import lock_imports
from fpservice.db.transaction import Database
from fpservice.domain.errors import MergeRefusedError, UnknownTrackError


@dataclass(frozen=True, slots=True)
class Merger:
    """What a merger came to; ``moved`` counts the links of each kind that the source had.

    ``kept_disabled`` are recordings to which one of the two had a disabled link and the other an
    enabled one.
    """

    source: uuid.UUID
    target: uuid.UUID
    moved: Mapping[str, int]
    kept_disabled: Sequence[uuid.UUID]


class TrackMerging:
    """Merges tracks of the database ``fingerprint``."""

    def __init__(self, fingerprint: Database) -> None:
        """Write to this database."""
        self._fingerprint = fingerprint

    def merge(self, source_name: TrackName, target_name: TrackName, by: str) -> Merger:
        """Let one track lead to another and give it all links, in one transaction.

        A target that was merged itself stands for the one at the end of its chain. No import runs
        at the same time, so none can link anything to the source afterwards. A link that one of
        the two has disabled is disabled in the end: someone said that it is wrong, and that it was
        submitted to the other track as well says nothing against it.

        Raises:
            UnknownTrackError: there is no such track.
            MergeRefusedError: they are one already, or nothing is at the end of a chain.
            DatabaseUnavailableError: the database does not answer; nothing was changed.
        """
        with self._fingerprint.writing() as connection:
            lock_imports(connection)
            source = stored_track(connection, source_name)
            target = surviving_track(connection, target_name)
            _check(connection, source, target)
            shared = shared_links(connection, source.id, target.id)
            kept_disabled = _keep_disabled(connection, shared, source, by)
            moved = move_links(connection, source.id, target.id, shared)
            mark_merged(connection, source.id, target.id)
        return Merger(source.gid, target.gid, moved, kept_disabled)


def stored_track(connection: Connection, name: TrackName) -> StoredTrack:
    """Return the track with this gid or id, whether merged or not.

    Raises:
        UnknownTrackError: there is none.
    """
    track = find_track(connection, name)
    if track is None:
        raise UnknownTrackError(f"there is no track {name}")
    return track


def surviving_track(connection: Connection, name: TrackName) -> Track:
    """Return the track at the end of the chain that begins with this gid or id.

    Raises:
        UnknownTrackError: there is none.
        MergeRefusedError: the chain has no end.
    """
    track = stored_track(connection, name)
    end = tracks_by_id(connection, [track.id]).get(track.id)
    if end is None:
        raise MergeRefusedError(f"track {track.gid} was merged, but its chain leads to no track")
    return end


def _check(connection: Connection, source: StoredTrack, target: Track) -> None:
    if source.new_id is not None:
        end = surviving_track(connection, source.id)
        raise MergeRefusedError(f"track {source.gid} was merged into {end.gid} already")
    if source.id == target.id:
        raise MergeRefusedError(
            f"both names mean track {source.gid}, which cannot be merged into itself"
        )


def _keep_disabled(
    connection: Connection, shared: Sequence[SharedLink], source: StoredTrack, by: str
) -> list[uuid.UUID]:
    """Disable the target's links where the source's are; return where the two differ."""
    news = [one for one in shared if one.source_disabled and not one.target_disabled]
    if news:
        set_disabled(connection, [one.target_link_id for one in news], True)
    note = f"Disabled for track {source.gid}, which was merged into this one"
    changes = [LinkChange(one.target_link_id, by, note, True) for one in news]
    record_changes(connection, changes)
    return [one.mbid for one in shared if one.source_disabled != one.target_disabled]
