"""Numbers that the processes of a server count together."""

from __future__ import annotations

import mmap
import threading
from collections.abc import Sequence
from typing import Final

# More than a server has processes at a time; each has a row of its own and waits for nobody.
_ROWS: Final = 256
_BYTES: Final = 8


class SharedCounters:
    """Counters in memory that is shared by all processes forked after it was made."""

    def __init__(self, names: Sequence[str]) -> None:
        """Begin at nought."""
        self.names = tuple(names)
        self._words = memoryview(mmap.mmap(-1, _ROWS * len(self.names) * _BYTES)).cast("Q")
        self._first = 0
        self._lock = threading.Lock()

    def use_row(self, number: int) -> None:
        """Count in this row; no other living process may have it, modulo 256."""
        self._first = number % _ROWS * len(self.names)
        self._lock = threading.Lock()

    def add(self, name: str, value: int = 1) -> None:
        """Add to a counter."""
        place = self._first + self.names.index(name)
        with self._lock:
            self._words[place] += value

    def totals(self) -> dict[str, int]:
        """Return what all processes have counted."""
        width = len(self.names)
        return {name: sum(self._words[place::width]) for place, name in enumerate(self.names)}
