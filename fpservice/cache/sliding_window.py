"""A rate limiter in the memory of one process."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Final

from fpservice.interfaces import RateLimitDecision

# Long enough for limits below one a second, short enough to forgive soon; in seconds.
WINDOW: Final = 10.0
_ROUNDING: Final = 1e-9
_ONE: Final = 1 - _ROUNDING


def most_requests(limit: float) -> float:
    """Return how many requests a window has room for, at ``limit`` requests a second."""
    return max(1.0, limit * WINDOW)


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
        return self.check_all([(bucket, limit)])[0]

    def check_all(self, buckets: Sequence[tuple[str, float]]) -> list[RateLimitDecision]:
        """Count one request in all the buckets, if each of them allows it."""
        window, elapsed = divmod(self._clock(), WINDOW)
        share, reset = 1.0 - elapsed / WINDOW, WINDOW - elapsed
        with self._lock:
            counts = [self._current(bucket, int(window)) for bucket, _ in buckets]
            left = [
                most_requests(limit) - (before * share + here)
                for (_, limit), (before, here) in zip(buckets, counts, strict=True)
            ]
            counted = not left or min(left) >= _ONE
            for (bucket, _), (before, here) in zip(buckets, counts, strict=True):
                self._keep(bucket, (int(window), before, here + counted))
        return [
            RateLimitDecision(n >= _ONE, limit, max(0, math.floor(n - counted + _ROUNDING)), reset)
            for (_, limit), n in zip(buckets, left, strict=True)
        ]

    def _keep(self, bucket: str, count: tuple[int, int, int]) -> None:
        self._counts[bucket] = count
        # Who is refused must not be forgotten either, or could begin anew.
        self._counts.move_to_end(bucket)
        if len(self._counts) > self._max_buckets:
            self._counts.popitem(last=False)

    def _current(self, bucket: str, window: int) -> tuple[int, int]:
        stored, before, here = self._counts.get(bucket, (window, 0, 0))
        if stored == window:
            return before, here
        return (here, 0) if stored == window - 1 else (0, 0)

    def __len__(self) -> int:
        """Return how many buckets are remembered."""
        return len(self._counts)
