"""A file whose time says when all importers of a process last went on.

An importer that waits for a database or the index goes on too: it tries again and again. What does
not is one that hangs, and whoever looks at the file may start the process again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)


class Heartbeat:
    """Keeps the time of a file, if there is one to keep."""

    def __init__(self, path: Path | None) -> None:
        """The file is made with the first of :meth:`part`."""
        self._path = path
        self._lock = threading.Lock()
        self._last: list[float] = []

    def part(self) -> Callable[[], None]:
        """Return what another part of the process is to call whenever it goes on."""
        number = len(self._last)
        self._last.append(0.0)

        def beat() -> None:
            if self._path is not None:
                self._went_on(self._path, number)

        beat()
        return beat

    def _went_on(self, path: Path, number: int) -> None:
        with self._lock:
            self._last[number] = time.time()
            # The one that has been silent for the longest counts.
            slowest = min(self._last)
            try:
                path.touch()
                os.utime(path, (slowest, slowest))
            except OSError as error:
                # Whoever looks sees an old file, or none; imports do not suffer.
                log.warning("no sign of life in %s: %s", path, error.strerror)
