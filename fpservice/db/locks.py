"""Locks that two imports of the same music take, so that they never run at once."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, text

# The two-number form keeps these locks apart from those of other programs on the server.
_NAMESPACE = 0x46_50_53  # "FPS"


def lock_for_import(connection: Connection, keys: Iterable[int]) -> None:
    """Hold 32-bit keys until the transaction ends; taken in rising order, so never a deadlock.

    SQLite needs none: a write transaction there is the only one.
    """
    if connection.dialect.name != "postgresql":
        return
    statement = text("SELECT pg_advisory_xact_lock(:namespace, :key)")
    for key in sorted({_signed(key) for key in keys}):
        connection.execute(statement, {"namespace": _NAMESPACE, "key": key})


def _signed(key: int) -> int:
    low = key & 0xFFFF_FFFF
    return low - 2**32 if low >= 2**31 else low
