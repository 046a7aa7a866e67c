"""Column types that mean the same on PostgreSQL and SQLite."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, DateTime, Integer, func

# SQLite numbers rows by itself only in columns of exactly the type INTEGER.
Id: Final = BigInteger().with_variant(Integer, "sqlite")
Moment: Final = DateTime(timezone=True)


def created_column() -> Column[object]:
    """Return a column that the database fills with the time of insertion (UTC)."""
    return Column("created", Moment, nullable=False, server_default=func.now())
