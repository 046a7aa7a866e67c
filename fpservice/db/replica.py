"""A read-only copy of a database, which is done without while it does not answer."""

from __future__ import annotations

import logging
import time
from typing import Final

from sqlalchemy import Connection, Engine, exc

from fpservice.db.failures import first_line

log = logging.getLogger(__name__)
# A replica that did not answer is not asked for so long, in seconds: each try costs a lookup its
# time.
_REST: Final = 5.0


class Replica:
    """Connects to the copy unless it rests."""

    def __init__(self, name: str, engine: Engine) -> None:
        """``name`` is that of the database, for the log."""
        self.engine = engine
        self._name = name
        self._rests_until = 0.0

    @property
    def rests(self) -> bool:
        """Whether it did not answer just now."""
        return time.monotonic() < self._rests_until

    def failed(self, error: BaseException) -> None:
        """Leave it alone for a while."""
        log.warning("replica of %s does not answer: %s", self._name, first_line(error))
        self._rests_until = time.monotonic() + _REST

    def connect(self) -> Connection | None:
        """Return a connection, or None if it rests or does not answer."""
        if self.rests:
            return None
        try:
            return self.engine.connect()
        except exc.SQLAlchemyError as error:
            self.failed(error)
            return None
