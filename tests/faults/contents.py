"""What the databases hold after a round, in a form that two installations can be compared by."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, func, select

from fpservice.bootstrap import Parts
from fpservice.db.app.tables import source
from fpservice.db.fingerprint.tables import (
    fingerprint,
    imported_submission,
    meta,
    track,
    track_fingerprint,
    track_mbid,
    track_meta,
)
from fpservice.db.ingest.tables import link_source, submission, submission_result

# A track without its number: fingerprints, MBIDs and texts, each with its count.
TrackContents = tuple[tuple[object, ...], ...]


@dataclass(frozen=True)
class Contents:
    """What came of submissions.

    ``figures`` are numbers of rows and sums of counts by name, ``tracks`` says how many tracks hold
    just this, ``submissions`` what became of each by the clip's number.
    """

    figures: dict[str, int]
    tracks: Counter[TrackContents]
    submissions: dict[str, tuple[str, tuple[str, ...]]]


def read_contents(parts: Parts) -> Contents:
    """Return what an installation holds; an assertion fails if its databases disagree."""
    with parts.databases.fingerprint.reading() as connection:
        figures = _figures(connection)
        tracks = _tracks(connection)
        effects = set(_rows(connection, imported_submission))
    with parts.databases.app.reading() as connection:
        sources = _sources(connection)
    with parts.databases.ingest.reading() as connection:
        results = set(_rows(connection, submission_result))
        submissions = _submissions(connection)
        _check_sources(connection, sources)
        figures["results"] = _count(connection, submission_result)
        figures["sources"] = _count(connection, link_source)
    assert results == effects, "a result is not what was imported"
    return Contents(figures, tracks, submissions)


def _figures(connection: Connection) -> dict[str, int]:
    figures = {
        table.name: _count(connection, table)
        for table in (fingerprint, track, meta, imported_submission)
    }
    for table in (track_fingerprint, track_mbid, track_meta):
        figures[table.name] = _count(connection, table)
        total = select(func.coalesce(func.sum(table.c.submission_count), 0))
        figures[f"{table.name} counts"] = int(connection.execute(total).scalar_one())
    return figures


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _rows(connection: Connection, table: Table) -> list[tuple[Any, ...]]:
    columns = (table.c.submission_id, table.c.fingerprint_id, table.c.track_id)
    return [tuple(row) for row in connection.execute(select(*columns))]


def _tracks(connection: Connection) -> Counter[TrackContents]:
    held: dict[int, list[tuple[object, ...]]] = {
        id: [] for id in connection.execute(select(track.c.id)).scalars()
    }
    fingerprints = select(
        track_fingerprint.c.track_id,
        fingerprint.c.hashes,
        fingerprint.c.length,
        track_fingerprint.c.submission_count,
    ).join(fingerprint, fingerprint.c.id == track_fingerprint.c.fingerprint_id)
    for id, hashes, *rest in connection.execute(fingerprints):
        held[id].append(("fingerprint", hashlib.sha1(hashes).hexdigest(), *rest))
    mbids = select(track_mbid.c.track_id, track_mbid.c.mbid, track_mbid.c.submission_count)
    for id, mbid, count in connection.execute(mbids):
        held[id].append(("mbid", str(mbid), count))
    texts = select(
        track_meta.c.track_id, meta.c.track, meta.c.artist, track_meta.c.submission_count
    ).join(meta, meta.c.id == track_meta.c.meta_id)
    for id, *rest in connection.execute(texts):
        held[id].append(("text", *rest))
    return Counter(tuple(sorted(one, key=repr)) for one in held.values())


def _sources(connection: Connection) -> dict[int, tuple[int, int, str]]:
    columns = (source.c.application_id, source.c.account_id, source.c.version)
    rows = connection.execute(select(source.c.id, *columns))
    return {id: (application, account, version) for id, application, account, version in rows}


def _check_sources(connection: Connection, sources: dict[int, tuple[int, int, str]]) -> None:
    """Fail if what a submission brought is credited to somebody else."""
    columns = (
        submission.c.application_id,
        submission.c.account_id,
        submission.c.application_version,
    )
    joined = select(link_source.c.source_id, *columns).join_from(
        link_source, submission, submission.c.id == link_source.c.submission_id
    )
    for id, *submitter in connection.execute(joined.distinct()):
        assert sources.get(id) == tuple(submitter), "a link is credited to somebody else"


def _submissions(connection: Connection) -> dict[str, tuple[str, tuple[str, ...]]]:
    kinds: dict[int, list[str]] = defaultdict(list)
    for id, kind in connection.execute(select(link_source.c.submission_id, link_source.c.kind)):
        kinds[id].append(kind)
    rows = connection.execute(
        select(submission.c.id, submission.c.application_version, submission.c.state)
    ).all()
    found = {row.application_version: (row.state, tuple(sorted(kinds[row.id]))) for row in rows}
    assert len(found) == len(rows), "a submission was stored twice"
    return found
