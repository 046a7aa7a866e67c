"""Releases with their release groups and events."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    ColumnElement,
    Select,
    String,
    cast,
    func,
    lateral,
    literal_column,
    select,
    true,
)

from fpservice.db.musicbrainz.tables import (
    iso_3166_1,
    medium,
    release,
    release_country,
    release_group,
    release_group_primary_type,
    release_group_secondary_type,
    release_group_secondary_type_join,
)
from fpservice.db.quick import Among, QuickConnection, QuickStatement, Row
from fpservice.domain.recording import ReleaseEvent


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A release and its group; the counts are of all its mediums."""

    id: int
    gid: str
    name: str
    artist_credit: int
    medium_count: int
    track_count: int
    events: tuple[ReleaseEvent, ...]
    group_gid: str
    group_name: str
    group_artist_credit: int
    group_type: str | None
    group_secondary_types: tuple[str, ...]


def releases_by_id(connection: QuickConnection, ids: Collection[int]) -> list[ReleaseRow]:
    """Return the releases, in one statement; their events in the order of the dates."""
    if not ids:
        return []
    return [_release_row(row) for row in connection.rows(_RELEASES, list(ids))]


def _release_row(row: Row) -> ReleaseRow:
    id, gid, name, artist_credit, medium_count, track_count, events, *group = row
    group_gid, group_name, group_artist_credit, group_type, secondary_types = group
    return ReleaseRow(
        id,
        gid,
        name,
        artist_credit,
        medium_count,
        track_count,
        tuple(sorted((ReleaseEvent(*one) for one in events or ()), key=lambda event: event.order)),
        group_gid,
        group_name,
        group_artist_credit,
        group_type,
        tuple(secondary_types or ()),
    )


def _releases(among: Among) -> Select[Any]:
    """Return the statement; its columns are in the order of the fields of a row."""
    mediums = lateral(
        select(
            func.count().label("medium_count"),
            func.coalesce(func.sum(medium.c.track_count), literal_column("0")).label("track_count"),
        ).where(medium.c.release == release.c.id)
    )
    return (
        select(
            release.c.id,
            cast(release.c.gid, String),
            release.c.name,
            release.c.artist_credit,
            mediums.c.medium_count,
            mediums.c.track_count,
            _events(),
            cast(release_group.c.gid, String),
            release_group.c.name,
            release_group.c.artist_credit,
            release_group_primary_type.c.name,
            _secondary_types(),
        )
        .join(release_group, release_group.c.id == release.c.release_group)
        .outerjoin(
            release_group_primary_type,
            release_group_primary_type.c.id == release_group.c.type,
        )
        .join(mediums, true())
        .where(among(release.c.id))
    )


def _events() -> ColumnElement[Any]:
    """Return the events of a release as lists of country, year, month and day."""
    event = release_country
    # An area may have had several codes; an event is one all the same.
    country = select(func.min(iso_3166_1.c.code)).where(iso_3166_1.c.area == event.c.country)
    fields = (country.scalar_subquery(), event.c.date_year, event.c.date_month, event.c.date_day)
    return (
        select(func.json_agg(func.json_build_array(*fields), type_=JSON))
        .where(event.c.release == release.c.id)
        .correlate(release)
        .scalar_subquery()
    )


def _secondary_types() -> ColumnElement[Any]:
    kind, join = release_group_secondary_type, release_group_secondary_type_join
    statement = (
        select(kind.c.name)
        .join(join, join.c.secondary_type == kind.c.id)
        .where(join.c.release_group == release_group.c.id)
        .order_by(kind.c.name)
    )
    return func.array(statement.correlate(release_group).scalar_subquery(), type_=ARRAY(String))


_RELEASES = QuickStatement(_releases)
