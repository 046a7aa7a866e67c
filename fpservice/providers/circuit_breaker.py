"""Leaves a part alone for a while that has failed several times in a row."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

FAILURES: Final = 3
PAUSE: Final = 5.0


class CircuitBreaker:
    """Closed while the part works; open for ``pause`` seconds after ``failures`` in a row.

    After the pause one call is let through to see; when it fails too, the next pause begins.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        pause: float = PAUSE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Count from nought."""
        self._limit = failures
        self._pause = pause
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        self._closed_from = 0.0

    def lets_through(self) -> bool:
        """Say whether to try a call; its outcome must be told by one of the other methods."""
        with self._lock:
            if self._failures < self._limit:
                return True
            if self._clock() < self._closed_from:
                return False
            # Until this one has come back, the others go on being kept away.
            self._closed_from = self._clock() + self._pause
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._failures = 0

    def failed(self) -> bool:
        """Count a failure; return whether the circuit is open now."""
        with self._lock:
            self._failures += 1
            if self._failures < self._limit:
                return False
            self._closed_from = self._clock() + self._pause
            return True
