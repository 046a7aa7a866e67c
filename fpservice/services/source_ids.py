"""The numbers of sources (who submitted, with which program) and of audio formats."""

from __future__ import annotations

from cachetools import LRUCache

from fpservice.db.app.sources import find_or_add_format, find_or_add_source
from fpservice.db.transaction import Database
from fpservice.domain.submission import Submission


class SourceIds:
    """Remembers numbers when they are committed: before, they may yet become somebody else's."""

    def __init__(self, app: Database) -> None:
        """Find or add them in ``app``."""
        self._app = app
        self._sources: LRUCache[tuple[int, int, str], int] = LRUCache(1000)
        self._formats: LRUCache[str, int] = LRUCache(200)

    def source(self, content: Submission) -> int:
        """Return the number of whoever submitted this."""
        key = (content.application_id, content.account_id, content.application_version)
        if key not in self._sources:
            with self._app.writing() as connection:
                found = find_or_add_source(connection, *key)
            self._sources[key] = found
        return self._sources[key]

    def format(self, name: str | None) -> int | None:
        """Return the number of an audio format; None where none is named."""
        if name is None:
            return None
        if name not in self._formats:
            with self._app.writing() as connection:
                found = find_or_add_format(connection, name)
            self._formats[name] = found
        return self._formats[name]
