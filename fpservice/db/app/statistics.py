"""Counts that operators look at: lookups by the hour, user agents by the day."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, select

from fpservice.db.app.tables import lookup_statistics, user_agent_statistics
from fpservice.db.dialect import insert


@dataclass(frozen=True, slots=True, order=True)
class Hour:
    """One hour of one application; UTC."""

    day: datetime.date
    hour: int
    application_id: int


@dataclass(frozen=True, slots=True)
class LookupCount:
    """Lookups of one hour that found something, and that did not."""

    hour: Hour
    hits: int
    misses: int


def add_lookups(connection: Connection, counts: list[LookupCount]) -> None:
    """Add to the counts of these hours."""
    table = lookup_statistics
    for count in sorted(counts, key=lambda one: one.hour):
        statement = insert(connection, table).values(
            day=count.hour.day,
            hour=count.hour.hour,
            application_id=count.hour.application_id,
            hits=count.hits,
            misses=count.misses,
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.day, table.c.hour, table.c.application_id],
                set_={
                    "hits": table.c.hits + count.hits,
                    "misses": table.c.misses + count.misses,
                },
            )
        )


def add_user_agents(
    connection: Connection, counts: Mapping[tuple[datetime.date, int, str], int]
) -> None:
    """Add to the counts by (day, application id, user agent)."""
    table = user_agent_statistics
    for (day, application_id, user_agent), requests in sorted(counts.items()):
        statement = insert(connection, table).values(
            day=day, application_id=application_id, user_agent=user_agent, requests=requests
        )
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.day, table.c.application_id, table.c.user_agent],
                set_={"requests": table.c.requests + requests},
            )
        )


def lookups_of_application(
    connection: Connection, application_id: int, first: datetime.date, last: datetime.date
) -> list[LookupCount]:
    """Return the counts of the hours from ``first`` to ``last``, both included."""
    table = lookup_statistics
    rows = connection.execute(
        select(table)
        .where(table.c.application_id == application_id, table.c.day.between(first, last))
        .order_by(table.c.day, table.c.hour)
    )
    return [
        LookupCount(Hour(row.day, row.hour, row.application_id), row.hits, row.misses)
        for row in rows
    ]
