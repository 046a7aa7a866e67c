"""Stored fingerprints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, insert, select

from fpservice.db.fingerprint.tables import fingerprint, track_fingerprint
from fpservice.domain.fingerprint import Hashes, from_bytes, to_bytes


@dataclass(frozen=True, slots=True)
class FingerprintRow:
    """A fingerprint of the database; ``duration`` in seconds, ``hashes`` uint32[n]."""

    id: int
    duration: int
    hashes: Hashes


@dataclass(frozen=True, slots=True)
class SurveyedRow:
    """A fingerprint of which perhaps nothing but the duration was read: ``hashes`` is None."""

    id: int
    duration: int
    hashes: Hashes | None


_COLUMNS = (fingerprint.c.id, fingerprint.c.length, fingerprint.c.hashes)


@dataclass(frozen=True, slots=True)
class NewFingerprint:
    """A fingerprint to be stored; ``duration`` in seconds, ``bitrate`` in kbit/s."""

    hashes: Hashes
    duration: int
    bitrate: int | None = None
    format_id: int | None = None


def add_fingerprints(connection: Connection, new: Sequence[NewFingerprint]) -> list[int]:
    """Insert fingerprints and return their ids, in order; the caller queues the index changes."""
    if not new:
        return []
    rows = [
        {
            "hashes": to_bytes(one.hashes),
            "length": one.duration,
            "bitrate": one.bitrate,
            "format_id": one.format_id,
        }
        for one in new
    ]
    statement = insert(fingerprint).returning(fingerprint.c.id, sort_by_parameter_order=True)
    return list(connection.execute(statement, rows).scalars())


def fetch_fingerprints(
    connection: Connection, ids: Sequence[int], seconds: tuple[int, int] | None = None
) -> dict[int, FingerprintRow]:
    """Return the fingerprints that exist, by id; ``seconds`` bounds their durations, inclusive."""
    if not ids:
        return {}
    statement = select(*_COLUMNS).where(fingerprint.c.id.in_(ids))
    if seconds is not None:
        statement = statement.where(fingerprint.c.length.between(*seconds))
    return {row.id: _row(row) for row in connection.execute(statement)}


def survey_fingerprints(
    connection: Connection, ids: Sequence[int], seconds: tuple[int, int]
) -> dict[int, SurveyedRow]:
    """Return the fingerprints that exist, by id, with hashes if ``seconds``, inclusive, fit."""
    if not ids:
        return {}
    fits = fingerprint.c.length.between(*seconds)
    hashes = case((fits, fingerprint.c.hashes)).label("hashes")
    statement = select(fingerprint.c.id, fingerprint.c.length, hashes).where(
        fingerprint.c.id.in_(ids)
    )
    return {
        row.id: SurveyedRow(
            row.id, row.length, None if row.hashes is None else from_bytes(row.hashes)
        )
        for row in connection.execute(statement)
    }


def missing_fingerprints(connection: Connection, ids: Sequence[int]) -> list[int]:
    """Return which of these ids do not exist, in the order given."""
    if not ids:
        return []
    statement = select(fingerprint.c.id).where(fingerprint.c.id.in_(ids))
    there = set(connection.execute(statement).scalars())
    return [id for id in ids if id not in there]


def fingerprints_of_track(connection: Connection, track_id: int) -> list[FingerprintRow]:
    """Return all fingerprints of a track, by id."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(track_fingerprint, track_fingerprint.c.fingerprint_id == fingerprint.c.id)
        .where(track_fingerprint.c.track_id == track_id)
        .order_by(fingerprint.c.id)
    )
    return [_row(row) for row in rows]


def count_fingerprints(connection: Connection) -> int:
    """Return how many there are."""
    return int(connection.execute(select(func.count()).select_from(fingerprint)).scalar_one())


def fingerprint_ids(connection: Connection) -> Iterator[int]:
    """Yield all ids in rising order."""
    result = connection.execution_options(yield_per=10_000).execute(
        select(fingerprint.c.id).order_by(fingerprint.c.id)
    )
    for row in result:
        yield row.id


def fingerprint_batches(
    connection: Connection, size: int, after: int = 0
) -> Iterator[list[FingerprintRow]]:
    """Yield all fingerprints with id > ``after``, in rising order, ``size`` at a time."""
    while True:
        rows = connection.execute(
            select(*_COLUMNS).where(fingerprint.c.id > after).order_by(fingerprint.c.id).limit(size)
        ).all()
        if not rows:
            return
        yield [_row(row) for row in rows]
        after = rows[-1].id


def _row(row: Any) -> FingerprintRow:
    return FingerprintRow(row.id, row.length, from_bytes(row.hashes))
