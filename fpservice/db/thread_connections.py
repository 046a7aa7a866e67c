"""Connections to SQLite that threads keep."""

from __future__ import annotations

import os
import threading
from typing import Any

from sqlalchemy import Engine


class ThreadConnections:
    """One connection for each thread and process that asks, for statements that only read.

    To take one out of a pool and to give it back costs as much as such a statement. They are closed
    when their thread ends, or are let go of.
    """

    def __init__(self, engine: Engine) -> None:
        """Connect as the engine does."""
        self._engine = engine
        self._kept = threading.local()

    def get(self) -> Any:
        """Return the driver's connection of this thread.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: it cannot be made.
        """
        pid, connection = getattr(self._kept, "one", (0, None))
        # A fork must leave alone what it shares with its parent.
        if connection is None or pid != os.getpid():
            pooled = self._engine.raw_connection()
            connection = pooled.dbapi_connection
            pooled.detach()
            self._kept.one = os.getpid(), connection
        return connection

    def forget(self) -> None:
        """Let go of the connection of this thread."""
        self._kept.one = 0, None

    def forget_all(self) -> None:
        """Let go of the connections of all threads."""
        self._kept = threading.local()
