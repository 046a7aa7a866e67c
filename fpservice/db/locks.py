"""The lock that keeps imports apart."""

from __future__ import annotations

from sqlalchemy import Connection, text

from fpservice.db.watched import patience

# The two-number form keeps this lock apart from those of other programs on the server.
_NAMESPACE = 0x46_50_53  # "FPS"
_IMPORT = 1
# Others hold it for a second at most each; longer than statements of lookups may take.
_PATIENCE = 30.0


def lock_imports(connection: Connection) -> None:
    """Hold the import lock until the transaction ends.

    One for all music: with a lock for each fingerprint, or for its SimHash, two importers that meet
    variants of one recording at once would not see each other, and make two tracks of it.
    Nothing of the session is touched, so a pooler may share it.

    SQLite needs none: a write transaction there is the only one.

    Raises:
        sqlalchemy.exc.OperationalError: it was not to be had in time.
    """
    if connection.dialect.name != "postgresql":
        return
    limits = ("statement_timeout", "lock_timeout")
    connection.execute(text("".join(f"SET LOCAL {name} = '{_PATIENCE}s';" for name in limits)))
    with patience(connection, _PATIENCE + 1.0):
        connection.execute(
            text("SELECT pg_advisory_xact_lock(:namespace, :key)"),
            {"namespace": _NAMESPACE, "key": _IMPORT},
        )
    connection.execute(text("".join(f"SET LOCAL {name} TO DEFAULT;" for name in limits)))
