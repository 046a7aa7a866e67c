"""Fingerprints that imports must know although the index may not know them yet."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import Connection

from fpservice.db.fingerprint.index_changes import count_changes, unindexed
from fpservice.domain.errors import SearchUnavailableError
from fpservice.domain.submission import MAX_DURATION
from fpservice.interfaces import StoredFingerprint

# So many are held in memory at once; about 4 kB each.
_MOST = 5000


class ByDuration:
    """Fingerprints by their durations in seconds."""

    def __init__(self) -> None:
        """There is none yet."""
        self._by_duration: dict[int, list[StoredFingerprint]] = defaultdict(list)

    def add(self, fingerprint: StoredFingerprint) -> None:
        """Add one."""
        self._by_duration[fingerprint.duration].append(fingerprint)

    def get(self, duration: int, difference: int) -> list[StoredFingerprint]:
        """Return those whose durations differ by at most ``difference`` seconds."""
        window = range(duration - difference, duration + difference + 1)
        return [found for one in window for found in self._by_duration.get(one, ())]


class Unindexed:
    """What the queue of index changes holds, by duration.

    Read in parts as they are asked for, if it is long, so that it costs only what is near.
    """

    def __init__(self, connection: Connection) -> None:
        """Read through ``connection``, within the transaction of an import."""
        self._connection = connection
        self._known = ByDuration()
        self._loaded: set[int] = set()
        waiting = count_changes(connection)
        if waiting <= _MOST:
            self._loaded.update(range(MAX_DURATION + 1))
        if 0 < waiting <= _MOST:
            self._load(0, MAX_DURATION)

    def near(self, duration: int, difference: int) -> list[StoredFingerprint]:
        """Return those whose durations differ by at most ``difference`` seconds.

        Raises:
            SearchUnavailableError: so many that the index has to be told of some first.
        """
        low, high = max(duration - difference, 0), min(duration + difference, MAX_DURATION)
        for one in range(low, high + 1):
            if one not in self._loaded:
                self._load(one, one)
                self._loaded.add(one)
        return self._known.get(duration, difference)

    def _load(self, low: int, high: int) -> None:
        rows = unindexed(self._connection, low, high, _MOST + 1)
        if len(rows) > _MOST:
            raise SearchUnavailableError("too many fingerprints wait for the index")
        for id, duration, hashes in rows:
            self._known.add(StoredFingerprint(id, duration, hashes))
