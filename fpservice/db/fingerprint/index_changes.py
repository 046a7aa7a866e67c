"""The queue of changes that the index has still to be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, insert, select

from fpservice.db.fingerprint.tables import fingerprint, index_change
from fpservice.domain.fingerprint import Hashes, from_bytes


@dataclass(frozen=True, slots=True)
class QueuedChange:
    """A change waiting for the index; ``hashes`` is None for a deletion."""

    id: int
    fingerprint_id: int
    duration: int
    hashes: Hashes | None


def queue_changes(
    connection: Connection, fingerprint_ids: Sequence[int], *, deleted: bool = False
) -> None:
    """Queue changes, in the transaction that makes them."""
    rows = [{"fingerprint_id": one, "deleted": deleted} for one in fingerprint_ids]
    if rows:
        connection.execute(insert(index_change), rows)


def queued_changes(connection: Connection, limit: int) -> list[QueuedChange]:
    """Return the oldest changes that are committed.

    Never by a position remembered from before: a transaction with a lower id may commit later.
    """
    rows = connection.execute(
        select(
            index_change.c.id,
            index_change.c.fingerprint_id,
            index_change.c.deleted,
            fingerprint.c.length,
            fingerprint.c.hashes,
        )
        .outerjoin(fingerprint, fingerprint.c.id == index_change.c.fingerprint_id)
        .order_by(index_change.c.id)
        .limit(limit)
    )
    return [
        QueuedChange(
            row.id,
            row.fingerprint_id,
            row.length or 0,
            None if row.deleted or row.hashes is None else from_bytes(row.hashes),
        )
        for row in rows
    ]


def remove_changes(connection: Connection, ids: Sequence[int]) -> None:
    """Remove changes that the index has made durable."""
    for start in range(0, len(ids), 500):
        chunk = list(ids[start : start + 500])
        connection.execute(delete(index_change).where(index_change.c.id.in_(chunk)))


def unindexed(
    connection: Connection, low: int, high: int, limit: int
) -> list[tuple[int, int, Hashes]]:
    """Return (id, duration, hashes) of fingerprints that the index may not have yet.

    Only those that last from ``low`` to ``high`` seconds, both included.
    """
    rows = connection.execute(
        select(fingerprint.c.id, fingerprint.c.length, fingerprint.c.hashes)
        .join(index_change, fingerprint.c.id == index_change.c.fingerprint_id)
        .where(~index_change.c.deleted, fingerprint.c.length.between(low, high))
        .order_by(index_change.c.id)
        .limit(limit)
    )
    return [(row.id, row.length, from_bytes(row.hashes)) for row in rows]


def count_changes(connection: Connection) -> int:
    """Return how many changes wait."""
    return int(connection.execute(select(func.count()).select_from(index_change)).scalar_one())


def everything_is_queued(connection: Connection) -> bool:
    """Return whether the index has still to be told of every fingerprint there is."""
    waiting = exists().where(index_change.c.fingerprint_id == fingerprint.c.id)
    told = select(fingerprint.c.id).where(~waiting).limit(1)
    return connection.execute(told).first() is None


def queued_among(connection: Connection, fingerprint_ids: Sequence[int]) -> set[int]:
    """Return those of these fingerprints that the index has still to be told about."""
    if not fingerprint_ids:
        return set()
    rows = connection.execute(
        select(index_change.c.fingerprint_id).where(
            index_change.c.fingerprint_id.in_(fingerprint_ids)
        )
    )
    return {row.fingerprint_id for row in rows}
