"""The queue of an installation without a message server: importers look into the outbox."""

from __future__ import annotations

import threading
from collections.abc import Iterable


class PollingQueue:
    """Announces nothing to other processes; waiting is sleeping until the next look."""

    def __init__(self, interval: float) -> None:
        """``interval`` in seconds is how often importers look at most."""
        self._interval = interval
        self._closed = threading.Event()

    def publish(self, submission_ids: Iterable[int]) -> None:
        """Do nothing: the outbox, where importers look, has them already."""

    def wait(self, timeout: float) -> None:
        """Return after the interval, or ``timeout`` if that is shorter, or when closed."""
        self._closed.wait(min(self._interval, timeout))

    def close(self) -> None:
        """Let no one wait any longer."""
        self._closed.set()
