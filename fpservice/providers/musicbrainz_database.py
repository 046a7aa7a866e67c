"""Metadata from a database with the schema of MusicBrainz."""

from __future__ import annotations

import math
import time
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from fpservice.db.failures import DATABASE_ERRORS
from fpservice.db.musicbrainz.credits import artist_credits
from fpservice.db.musicbrainz.recordings import (
    RecordingRow,
    mbids_of_recordings,
    present_mbids,
    recordings_by_mbid,
)
from fpservice.db.musicbrainz.releases import ReleaseRow, releases_by_id
from fpservice.db.musicbrainz.tracks import TrackRow, releases_of_recordings, tracks_of_recordings
from fpservice.db.quick import QuickConnection
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError, MetadataUnavailableError
from fpservice.domain.recording import (
    Appearance,
    ArtistCredit,
    MediumTrack,
    Recording,
    RecordingParts,
    Release,
    ReleaseGroup,
)


class MusicBrainzDatabase:
    """Reads many recordings with at most four statements, however many they are."""

    def __init__(self, database: Database) -> None:
        """Read from a PostgreSQL database, or from its replica."""
        self._database = database

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        """Return the recordings that exist, by MBID as asked.

        Raises:
            MetadataUnavailableError: the database does not answer, or is none of MusicBrainz.
        """
        deadline = time.monotonic() + time_limit
        with _translated(self._database.name):
            return self._database.quickly(
                lambda connection: _read(connection, mbids, parts, deadline)
            )

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return all MBIDs of each recording that exists, former ones too.

        Raises:
            MetadataUnavailableError: the database does not answer, or is none of MusicBrainz.
        """
        with self._reading() as connection:
            return mbids_of_recordings(connection, mbids)

    def merged_into(self, mbids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
        """Return the present MBID of each that is a former one; the rest are left out.

        Raises:
            MetadataUnavailableError: the database does not answer, or is none of MusicBrainz.
        """
        with self._reading() as connection:
            return present_mbids(connection, mbids)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _translated(self._database.name), self._database.reading_replica() as connection:
            yield connection


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailableError as error:
        raise MetadataUnavailableError(str(error)) from error
    except DATABASE_ERRORS as error:
        raise MetadataUnavailableError(f"database {name}: {type(error).__name__}") from error


def _read(
    connection: QuickConnection,
    mbids: Collection[uuid.UUID],
    parts: RecordingParts,
    deadline: float,
) -> dict[uuid.UUID, Recording]:
    rows = recordings_by_mbid(connection, mbids, with_isrcs=parts.isrcs)
    ids = {row.id for row in rows}
    tracks: Sequence[TrackRow] = ()
    on_releases: Collection[tuple[int, int]] = ()
    if parts.tracks:
        _check(deadline)
        tracks = tracks_of_recordings(connection, ids)
        on_releases = {(row.recording, row.release) for row in tracks}
    elif parts.releases:
        _check(deadline)
        on_releases = releases_of_recordings(connection, ids)
    _check(deadline)
    releases = releases_by_id(connection, {release for _, release in on_releases})
    _check(deadline)
    credit_ids = _credit_ids(rows, tracks, releases) if parts.artists else ()
    credits = artist_credits(connection, credit_ids)
    appearances = _appearances(on_releases, tracks, _releases(releases, credits), credits)
    return {row.asked: _recording(row, appearances, credits) for row in rows}


def _check(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise MetadataUnavailableError("MusicBrainz was not read in time")


def _credit_ids(
    recordings: Sequence[RecordingRow], tracks: Sequence[TrackRow], releases: Sequence[ReleaseRow]
) -> set[int]:
    return (
        {row.artist_credit for row in recordings}
        | {row.artist_credit for row in tracks}
        | {row.artist_credit for row in releases}
        | {row.group_artist_credit for row in releases}
    )


def _releases(
    rows: Sequence[ReleaseRow], credits: Mapping[int, ArtistCredit]
) -> dict[int, Release]:
    return {
        row.id: Release(
            row.gid,
            row.name,
            credits.get(row.artist_credit, ()),
            ReleaseGroup(
                row.group_gid,
                row.group_name,
                credits.get(row.group_artist_credit, ()),
                row.group_type,
                row.group_secondary_types,
            ),
            row.medium_count,
            row.track_count,
            row.events,
        )
        for row in rows
    }


def _appearances(
    on_releases: Collection[tuple[int, int]],
    tracks: Sequence[TrackRow],
    releases: Mapping[int, Release],
    credits: Mapping[int, ArtistCredit],
) -> dict[int, list[Appearance]]:
    there: dict[tuple[int, int], list[MediumTrack]] = defaultdict(list)
    for row in tracks:
        there[row.recording, row.release].append(_track(row, credits))
    found: dict[int, list[Appearance]] = defaultdict(list)
    for recording, release in on_releases:
        # Between two statements a release may be gone.
        if release in releases:
            some = tuple(there[recording, release])
            found[recording].append(Appearance(releases[release], some))
    return found


def _track(row: TrackRow, credits: Mapping[int, ArtistCredit]) -> MediumTrack:
    artists = credits.get(row.artist_credit, ())
    return MediumTrack(row.gid, row.name, artists, row.position, _seconds(row.length), row.medium)


def _recording(
    row: RecordingRow,
    appearances: Mapping[int, list[Appearance]],
    credits: Mapping[int, ArtistCredit],
) -> Recording:
    return Recording(
        row.gid,
        row.name,
        credits.get(row.artist_credit, ()),
        _seconds(row.length),
        row.isrcs,
        tuple(appearances.get(row.id, ())),
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000
