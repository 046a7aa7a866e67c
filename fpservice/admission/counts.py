"""How many requests were refused, for metrics and for the log."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from fpservice.interfaces import Metrics
from fpservice.observability.metrics import NullMetrics

_log = logging.getLogger(__name__)
_COUNT_EVERY: Final = 1.0
_SAY_EVERY: Final = 10.0


class RefusalCounts:
    """Counts in memory and passes it on from time to time; not for several threads."""

    def __init__(self, metrics: Metrics | None = None) -> None:
        """Pass it on to the metrics."""
        self.metrics = metrics or NullMetrics()
        self._new = 0
        self._unsaid = 0
        self._counted = self._said = -_SAY_EVERY

    def add(self) -> None:
        """Count one."""
        self._new += 1

    def report(self) -> None:
        """Pass on what is due."""
        if not (self._new or self._unsaid):
            return
        now = monotonic()
        if self._new and now - self._counted >= _COUNT_EVERY:
            self.metrics.count("requests.shed", self._new)
            self._unsaid += self._new
            self._new, self._counted = 0, now
        if self._unsaid and now - self._said >= _SAY_EVERY:
            _log.warning("more requests come than can be served; %d were refused", self._unsaid)
            self._unsaid, self._said = 0, now
