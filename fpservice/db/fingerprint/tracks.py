"""Tracks: groups of fingerprints that are the same recording, and their mergers."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, insert, select

from fpservice.db.fingerprint.counts import count_rows
from fpservice.db.fingerprint.tables import track, track_fingerprint
from fpservice.db.quick import QuickConnection, QuickStatement, Row, as_uuid

# Longer chains of mergers are a loop.
_MAX_MERGES = 100

_TRACKS_OF_FINGERPRINTS = QuickStatement(
    lambda among: (
        select(track_fingerprint.c.fingerprint_id, track.c.id, track.c.gid, track.c.new_id)
        .join(track, track.c.id == track_fingerprint.c.track_id)
        .where(among(track_fingerprint.c.fingerprint_id))
    )
)
_TRACKS = QuickStatement(
    lambda among: select(track.c.id, track.c.gid, track.c.new_id).where(among(track.c.id))
)


class Track(NamedTuple):
    """A track that was not merged into another, or the end of its chain."""

    id: int
    gid: uuid.UUID


def add_tracks(connection: Connection, gids: Sequence[uuid.UUID]) -> list[int]:
    """Insert tracks and return their ids, in order."""
    if not gids:
        return []
    statement = insert(track).returning(track.c.id, sort_by_parameter_order=True)
    return list(connection.execute(statement, [{"gid": gid} for gid in gids]).scalars())


def tracks_by_gid(connection: Connection, gids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Track]:
    """Return the tracks with these gids, mergers followed to their end."""
    wanted = list(gids)
    if not wanted:
        return {}
    rows = connection.execute(
        select(track.c.id, track.c.gid, track.c.new_id).where(track.c.gid.in_(wanted))
    ).all()
    quick = QuickConnection.within(connection)
    ends = _follow(quick, {row.new_id for row in rows if row.new_id is not None})
    found = {}
    for row in rows:
        end = Track(row.id, row.gid) if row.new_id is None else ends.get(row.new_id)
        if end:
            found[row.gid] = end
    return found


def tracks_by_id(connection: Connection, ids: Iterable[int]) -> dict[int, Track]:
    """Return the tracks with these ids, mergers followed to their end."""
    return _follow(QuickConnection.within(connection), set(ids))


def tracks_of_fingerprints(
    connection: QuickConnection, fingerprint_ids: Sequence[int]
) -> dict[int, Track]:
    """Return the track of each fingerprint, mergers followed; without a track it is left out."""
    if not fingerprint_ids:
        return {}
    return ends_of_tracks(connection, connection.rows(_TRACKS_OF_FINGERPRINTS, fingerprint_ids))


def ends_of_tracks(connection: QuickConnection, rows: Iterable[Row]) -> dict[int, Track]:
    """Return the track of each fingerprint, mergers followed.

    Args:
        connection: where to look for the ends of mergers.
        rows: fingerprint id, track id, gid and the id of the track it was merged into, or None.
    """
    # Of several tracks the oldest counts.
    rows = sorted(rows, key=lambda row: row[1], reverse=True)
    merged_into = {new_id for _, _, _, new_id in rows if new_id is not None}
    ends = _follow(connection, merged_into) if merged_into else {}
    found = {}
    for fingerprint_id, track_id, gid, new_id in rows:
        end = Track(track_id, as_uuid(gid)) if new_id is None else ends.get(new_id)
        if end:
            found[fingerprint_id] = end
    return found


def count_fingerprints(connection: Connection, counts: Mapping[tuple[int, int], int]) -> None:
    """Link fingerprints to tracks; ``counts``: submissions by (track id, fingerprint id)."""
    count_rows(connection, track_fingerprint, "fingerprint_id", counts)


def _follow(connection: QuickConnection, ids: set[int]) -> dict[int, Track]:
    """Return, for each id, the track at the end of its chain of mergers."""
    ends: dict[int, Track] = {}
    current = {start: start for start in ids}
    for _ in range(_MAX_MERGES):
        if not current:
            break
        rows = connection.rows(_TRACKS, list(set(current.values())))
        known = {id: (as_uuid(gid), new_id) for id, gid, new_id in rows}
        following = {}
        for start, here in current.items():
            if here not in known:
                continue
            gid, new_id = known[here]
            if new_id is None:
                ends[start] = Track(here, gid)
            else:
                following[start] = new_id
        current = following
    return ends
