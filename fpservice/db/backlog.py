"""How far behind a queue in a database is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, Connection, Table, func, select

# Counting more would take longer than the number is worth.
MOST_COUNTED: Final = 100_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many entries wait, 100000 at most, and the age of the oldest one in seconds."""

    waiting: int
    oldest: float


def backlog(connection: Connection, queue: Table, number: Column[int]) -> Backlog:
    """Return how far behind ``queue`` is; ``number`` rises, ``created`` says when."""
    # The database's own clock, as it is the one that wrote the time down.
    first = select(queue.c.created, func.now().label("now")).order_by(number).limit(1)
    row = connection.execute(first).first()
    if row is None:
        return Backlog(0, 0.0)
    some = select(number).limit(MOST_COUNTED).subquery()
    waiting = connection.execute(select(func.count()).select_from(some)).scalar_one()
    return Backlog(int(waiting), max((row.now - row.created).total_seconds(), 0.0))
