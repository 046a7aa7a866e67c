"""Connections that only read."""

from __future__ import annotations

from sqlalchemy import Engine, event
from sqlalchemy.pool import ConnectionPoolEntry


def only_read(engine: Engine) -> None:
    """Let new connections of a PostgreSQL engine refuse writes and do without transactions.

    Each statement stands alone, which spares two of the messages that a transaction takes.
    """
    event.listen(engine, "connect", _prepare)


def _prepare(connection: object, _: ConnectionPoolEntry) -> None:
    connection.set_session(readonly=True, autocommit=True)  # type: ignore[attr-defined]
