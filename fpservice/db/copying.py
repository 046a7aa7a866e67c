"""Rows for PostgreSQL's COPY, in its binary form: a fifth of what statements cost this side.

Source of the format: PostgreSQL's documentation of COPY, "Binary Format".
"""

from __future__ import annotations

import io
import struct
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Uuid,
    text,
)

_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TRAILER: Final = struct.pack(">h", -1)
_NULL: Final = struct.pack(">i", -1)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_INCOMING: Final = "incoming"

# What a value that is none of its column raises.
NOT_COPIED: Final = (ValueError, TypeError, AttributeError, OverflowError, struct.error)

Encoder = Callable[[Any], bytes]


def copy_in(
    connection: Connection, table: Table, names: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Copy rows into a temporary table with these columns of ``table``, and return its name.

    It is gone at the end of the transaction at the latest.

    Raises:
        ValueError, TypeError, AttributeError, OverflowError, struct.error: a value is none of its
            column; see ``NOT_COPIED``.
        psycopg2.Error: the server refuses a row, or does not answer.
    """
    encoders = [_encoder(table.c[name]) for name in names]
    data = io.BytesIO()
    data.write(_HEADER)
    for row in rows:
        data.write(
            _row([(encode, row[name]) for name, encode in zip(names, encoders, strict=True)])
        )
    data.write(_TRAILER)
    data.seek(0)
    columns = ", ".join(names)
    # Names of our own tables; columns of the same types, without their constraints.
    source = f"SELECT {columns} FROM {table.name}"  # noqa: S608
    connection.execute(
        text(f"CREATE TEMPORARY TABLE {_INCOMING} ON COMMIT DROP AS {source} WITH NO DATA")
    )
    cursor = connection.connection.cursor()
    try:
        cursor.copy_expert(f"COPY {_INCOMING} ({columns}) FROM STDIN (FORMAT binary)", data)
    finally:
        cursor.close()
    return _INCOMING


def _row(values: Sequence[tuple[Encoder, Any]]) -> bytes:
    parts = [struct.pack(">h", len(values))]
    for encode, value in values:
        if value is None:
            parts.append(_NULL)
        else:
            encoded = encode(value)
            parts += (struct.pack(">i", len(encoded)), encoded)
    return b"".join(parts)


def _encoder(column: Column[Any]) -> Encoder:
    for kind, encoder in _ENCODERS:
        if isinstance(column.type, kind):
            return encoder
    raise TypeError(f"no way to copy a column of the type {column.type}")


def _moment(value: datetime) -> bytes:
    if value.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    return struct.pack(">q", (value - _EPOCH) // timedelta(microseconds=1))


def _uuid(value: uuid.UUID) -> bytes:
    return value.bytes


# The first that fits counts: a small integer is an integer too.
_ENCODERS: Final[tuple[tuple[type, Encoder], ...]] = (
    (Boolean, struct.Struct(">?").pack),
    (BigInteger, struct.Struct(">q").pack),
    (SmallInteger, struct.Struct(">h").pack),
    (Integer, struct.Struct(">i").pack),
    (Uuid, _uuid),
    (LargeBinary, bytes),
    (String, str.encode),
    (DateTime, _moment),
)
