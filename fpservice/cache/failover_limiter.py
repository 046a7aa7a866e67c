"""A rate limiter that counts in Redis while that answers, and in the process while it does not."""

from __future__ import annotations

from collections.abc import Sequence

from fpservice.cache.redis_connection import RedisUnavailableError
from fpservice.cache.redis_limiter import RedisLimiter
from fpservice.interfaces import Metrics, RateLimitDecision, RateLimiter


class FailoverLimiter:
    """Never fails; how long it may wait is up to the connection that the shared limiter uses.

    What the one counted the other does not know: for a window after each change up to twice the
    limit gets through.
    """

    def __init__(self, shared: RedisLimiter, local: RateLimiter, metrics: Metrics) -> None:
        """Count requests that were decided here as ``rate_limit.local``."""
        self._shared = shared
        self._local = local
        self._metrics = metrics

    def check(self, bucket: str, limit: float) -> RateLimitDecision:
        """Count one request against ``limit`` requests a second, if it is allowed."""
        return self.check_all([(bucket, limit)])[0]

    def check_all(self, buckets: Sequence[tuple[str, float]]) -> list[RateLimitDecision]:
        """Count one request in all the buckets, if each of them allows it."""
        try:
            return self._shared.check_all(buckets)
        except RedisUnavailableError:
            self._metrics.count("rate_limit.local")
            return self._local.check_all(buckets)
