"""A rate limiter in the memory of one process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from fpservice.interfaces import RateLimitDecision

# Long enough for limits below one a second, short enough to forgive soon; in seconds.
WINDOW: Final = 10.0


class SlidingWindow:
    """Counts requests in a window that slides: the last one's share, and all of this one.

    The counts of two fixed windows approximate the true one closely and take the same memory
    however many requests come. Buckets that are idle are forgotten first when there are too many.
    """

    def __init__(
        self, max_buckets: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep at most ``max_buckets``."""
        self._max_buckets = max_buckets
        self._clock = clock
        self._lock = threading.Lock()
        # bucket: (number of the window, count in the one before, count in this one)
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()

    def check(self, bucket: str, limit: float) -> RateLimitDecision:
        """Count one request against ``limit`` requests a second, if it is allowed."""
        now = self._clock()
        window = int(now // WINDOW)
        share = 1.0 - (now % WINDOW) / WINDOW
        most = max(1.0, limit * WINDOW)
        with self._lock:
            before, here = self._current(bucket, window)
            used = before * share + here
            allowed = used + 1 <= most + 1e-9
            self._counts[bucket] = (window, before, here + allowed)
            self._counts.move_to_end(bucket)
            if len(self._counts) > self._max_buckets:
                self._counts.popitem(last=False)
        remaining = max(0, math.floor(most - used - allowed + 1e-9))
        return RateLimitDecision(allowed, limit, remaining, WINDOW - now % WINDOW)

    def _current(self, bucket: str, window: int) -> tuple[int, int]:
        stored, before, here = self._counts.get(bucket, (window, 0, 0))
        if stored == window:
            return before, here
        return (here, 0) if stored == window - 1 else (0, 0)

    def __len__(self) -> int:
        """Return how many buckets are remembered."""
        return len(self._counts)
