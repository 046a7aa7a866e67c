"""A rate limiter in Redis, for all processes and hosts together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fpservice.cache.redis_connection import RedisConnection, Script
from fpservice.cache.sliding_window import WINDOW, most_requests
from fpservice.interfaces import RateLimitDecision

_PREFIX: Final = "fpservice:limit:"
# What SlidingWindow does, step by step. A key holds: number of the window, count in the one
# before, count in this one. It is of no use after the next window, and expires then.
_SCRIPT: Final = Script("""
local window, now = tonumber(ARGV[1]), tonumber(ARGV[2])
if not now then
    local time = redis.call('TIME')
    now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end
local current = math.floor(now / window)
local elapsed = now - current * window
local share = 1 - elapsed / window

local befores, heres, lefts, alloweds = {}, {}, {}, {}
local counted = 1
for i, value in ipairs(redis.call('MGET', unpack(KEYS))) do
    local stored, before, here = string.match(value or '', '^(%d+) (%d+) (%d+)$')
    stored, before, here = tonumber(stored), tonumber(before), tonumber(here)
    if stored == current - 1 then
        before, here = here, 0
    elseif stored ~= current then
        before, here = 0, 0
    end
    befores[i], heres[i] = before, here
    lefts[i] = tonumber(ARGV[2 + i]) - (before * share + here)
    alloweds[i] = lefts[i] >= 1 - 1e-9 and 1 or 0
    counted = counted * alloweds[i]
end

local expiry = math.ceil((2 * window - elapsed) * 1000)
local answer = {math.ceil((window - elapsed) * 1000)}
for i, key in ipairs(KEYS) do
    if counted == 1 then
        local value = string.format('%d %d %d', current, befores[i], heres[i] + 1)
        redis.call('SET', key, value, 'PX', expiry)
    end
    answer[2 * i] = alloweds[i]
    answer[2 * i + 1] = math.max(0, math.floor(lefts[i] - counted + 1e-9))
end
return answer
""")


class RedisLimiter:
    """Counts as ``SlidingWindow`` does, by the clock of Redis, in one round trip."""

    def __init__(
        self, connection: RedisConnection, clock: Callable[[], float] | None = None
    ) -> None:
        """Count by ``clock``, in seconds, if one is given."""
        self._connection = connection
        self._clock = clock

    def check(self, bucket: str, limit: float) -> RateLimitDecision:
        """Count one request against ``limit`` requests a second, if it is allowed.

        Raises:
            RedisUnavailableError: Redis does not answer.
        """
        return self.check_all([(bucket, limit)])[0]

    def check_all(self, buckets: Sequence[tuple[str, float]]) -> list[RateLimitDecision]:
        """Count one request in all the buckets, if each of them allows it.

        Raises:
            RedisUnavailableError: Redis does not answer.
        """
        if not buckets:
            return []
        keys = [_PREFIX + bucket for bucket, _ in buckets]
        now = "" if self._clock is None else repr(self._clock())
        most = [repr(most_requests(limit)) for _, limit in buckets]
        answer: list[int] = self._connection.run_script(_SCRIPT, keys, [repr(WINDOW), now, *most])
        reset, counts = answer[0] / 1000, answer[1:]
        return [
            RateLimitDecision(bool(allowed), limit, remaining, reset)
            for (_, limit), allowed, remaining in zip(
                buckets, counts[::2], counts[1::2], strict=True
            )
        ]
