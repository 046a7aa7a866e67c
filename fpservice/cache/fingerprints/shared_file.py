"""The file of shared fingerprints: found, begun, filled, and left alone when it makes trouble."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from fpservice.cache.fingerprints.file_format import StrangeFileError, name_of
from fpservice.cache.fingerprints.filling import FileFilling
from fpservice.cache.fingerprints.mapped_file import Located, MappedFile, ReadTimes
from fpservice.db.fingerprint.fingerprints import SurveyedRow
from fpservice.interfaces import Metrics

_log = logging.getLogger(__name__)
NAME: Final = "fingerprints"
STORAGE: Final = "file"
PAUSE: Final = 5.0
_LOG_SECONDS: Final = 60.0
# A process that fills the file has it for less than a millisecond.
_PATIENCE: Final = 2.0


class Trouble:
    """Counts what fails, says so once a minute, and asks for some seconds of peace."""

    def __init__(self, path: Path, metrics: Metrics) -> None:
        """Nothing has failed yet."""
        self._path = path
        self._metrics = metrics
        self._until = self._silent_until = 0.0

    @property
    def is_recent(self) -> bool:
        """Whether something failed just now."""
        return time.monotonic() < self._until

    def note(self, error: Exception) -> None:
        """Remember a failure."""
        self._metrics.count("cache.errors", cache=NAME, storage=STORAGE)
        now = time.monotonic()
        self._until = now + PAUSE
        if now >= self._silent_until:
            self._silent_until = now + _LOG_SECONDS
            _log.warning("%s is left alone for some seconds: %s", self._path, error)


class FingerprintFile:
    """Fingerprints of a database in a file that processes of one machine share.

    It may be deleted at any time. No method raises: what cannot be read or written is not known.
    Nothing is opened before the first call; instances may be made before a fork.
    """

    def __init__(
        self,
        path: Path,
        size: int,
        ttl: float,
        database: str,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Keep at most ``size`` bytes, and believe what was read ``ttl`` seconds ago at most.

        ``database`` names whose fingerprints they are; the file of another one is replaced.
        """
        self._path = path
        self._database = name_of(database)
        self._filling = FileFilling(path, size, self._database)
        self._ttl = ttl
        self._clock = clock
        self._view: MappedFile | None = None
        # A full disk is no reason not to read.
        self._reading, self._writing = Trouble(path, metrics), Trouble(path, metrics)

    def view(self) -> MappedFile | None:
        """Return the file, begun if there is none; None if it cannot be used now."""
        if self._reading.is_recent:
            return None
        try:
            if self._view is None or not self._view.is_at(self._path):
                self._view = self._open()
        except (OSError, StrangeFileError, MemoryError) as error:
            self._view = None
            self._reading.note(error)
        return self._view

    def locate(
        self, view: MappedFile, ids: Sequence[int], low: int, high: int, limit: int
    ) -> Located:
        """Return what :meth:`MappedFile.locate` does, of what is not too old."""
        now = int(self._clock())
        times = ReadTimes(max(int(now - self._ttl), 1), now + 1)
        try:
            return view.locate(ids, low, high, limit, times)
        except StrangeFileError as error:
            self._view = None
            self._reading.note(error)
            return Located({}, list(ids))

    def fill(self, view: MappedFile, changes: int, rows: Sequence[SurveyedRow], now: float) -> None:
        """Add what was read from the database, unless another process is writing.

        Nor is anything added if the file was replaced, or anything invalidated, since the view was
        taken and had this number of ``changes``: what was read may be older. ``now`` is the time
        before it was read, in seconds since 1970.
        """
        if self._writing.is_recent or not rows:
            return
        try:
            with self._filling.alone() as alone:
                if alone and view.is_at(self._path) and view.changes == changes:
                    self._filling.add(view, rows, int(now))
        except (OSError, StrangeFileError, MemoryError) as error:
            self._writing.note(error)

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._clock()

    def forget(self, ids: Sequence[int]) -> None:
        """Invalidate what is known of these ids; call it when their change is committed."""
        try:
            with self._filling.alone(_PATIENCE) as alone:
                if alone:
                    self._filling.forget(MappedFile(self._path, self._database), ids)
                    return
        except FileNotFoundError:
            return
        except (OSError, StrangeFileError, MemoryError) as error:
            self._writing.note(error)
        # Whatever was in the way: a file that is gone has nothing that is out of date.
        self._remove()

    def clear(self) -> None:
        """Invalidate all."""
        with contextlib.suppress(OSError), self._filling.alone(_PATIENCE):
            self._remove()

    def _remove(self) -> None:
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            self._writing.note(error)

    def _open(self) -> MappedFile | None:
        with contextlib.suppress(FileNotFoundError, StrangeFileError):
            return MappedFile(self._path, self._database)
        if self._writing.is_recent:
            return None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._filling.alone() as alone:
            return self._begun() if alone else None

    def _begun(self) -> MappedFile | None:
        # Another process may have been faster.
        with contextlib.suppress(FileNotFoundError, StrangeFileError):
            return MappedFile(self._path, self._database)
        return self._filling.begin()
