"""Who computes, and who waits for that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# Nobody waits longer: whoever has a turn may be waiting itself, for a database that hangs.
_PATIENCE: Final = 0.2


class Turns:
    """Lets few threads of a process answer lookups at a time.

    Threads that compute at once hand the interpreter to and fro in the middle of each request, and
    all of them are late: measured at half load, one at a time halves the 99th percentile. Clients
    that are slow to send or to read have no turn, and keep nobody waiting.
    """

    def __init__(self, number: int) -> None:
        """Give ``number`` turns at a time: one, or more where a turn has to wait for servers."""
        self._free = threading.BoundedSemaphore(number) if number > 1 else threading.Lock()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn, but not for long, and have it within the block."""
        had = self._free.acquire(True, _PATIENCE)
        try:
            yield
        finally:
            if had:
                self._free.release()
