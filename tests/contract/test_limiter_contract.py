"""What every rate limiter does, wherever it counts. A new implementation adds a parameter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import redis

from fpservice.cache.failover_limiter import FailoverLimiter
from fpservice.cache.redis_connection import RedisConnection
from fpservice.cache.redis_limiter import RedisLimiter
from fpservice.cache.sliding_window import WINDOW, SlidingWindow
from fpservice.config_options import RedisOptions
from fpservice.interfaces import RateLimiter
from fpservice.observability.metrics import NullMetrics
from tests.counted_metrics import CountedMetrics
from tests.services import free_port


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


Connect = Callable[[str], RedisConnection]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as connections:

        def connected(url: str) -> RedisConnection:
            connection = RedisConnection(RedisOptions(url=url), NullMetrics())
            return connections.enter_context(closing(connection))

        yield connected


@pytest.fixture(params=["memory", "redis", "failover", "failover without redis"])
def limiter(request: pytest.FixtureRequest, clock: Clock, connect: Connect) -> RateLimiter:
    if request.param == "memory":
        return SlidingWindow(clock=clock)
    if request.param == "failover without redis":
        url = f"redis://127.0.0.1:{free_port()}/0"
    else:
        url = request.getfixturevalue("redis_url")
    shared = RedisLimiter(connect(url), clock)
    if request.param == "redis":
        return shared
    return FailoverLimiter(shared, SlidingWindow(clock=clock), NullMetrics())


def allowed(limiter: RateLimiter, bucket: str, limit: float, requests: int) -> int:
    return sum(limiter.check(bucket, limit).allowed for _ in range(requests))


def test_a_burst_is_allowed_up_to_the_window_and_forgiven_after_it(
    limiter: RateLimiter, clock: Clock
) -> None:
    assert allowed(limiter, "a", 2.0, 30) == 20
    clock.now += 2 * WINDOW
    assert allowed(limiter, "a", 2.0, 30) == 20


def test_the_share_of_the_last_window_still_counts(limiter: RateLimiter, clock: Clock) -> None:
    assert allowed(limiter, "a", 2.0, 20) == 20
    clock.now += WINDOW * 1.5
    assert allowed(limiter, "a", 2.0, 30) == 10


def test_a_decision_tells_what_is_left(limiter: RateLimiter, clock: Clock) -> None:
    clock.now += 2.5
    first = limiter.check("a", 0.2)
    assert (first.allowed, first.limit, first.remaining, first.reset) == (True, 0.2, 1, 7.5)
    assert limiter.check("a", 0.2).remaining == 0
    refused = limiter.check("a", 0.2)
    assert (refused.allowed, refused.remaining, refused.reset) == (False, 0, 7.5)


def test_one_request_a_window_is_always_allowed(limiter: RateLimiter) -> None:
    assert allowed(limiter, "a", 0.01, 3) == 1


def test_buckets_are_apart_whatever_they_are_called(limiter: RateLimiter) -> None:
    names = ["a", "A", "a b", "ip:2001:db8::1", "ä", ""]
    assert [allowed(limiter, name, 0.2, 5) for name in names] == [2] * len(names)


def test_all_buckets_of_a_request_are_counted(limiter: RateLimiter) -> None:
    decisions = limiter.check_all([("a", 0.3), ("b", 0.5)])
    assert [(one.allowed, one.limit, one.remaining) for one in decisions] == [
        (True, 0.3, 2),
        (True, 0.5, 4),
    ]
    assert limiter.check("a", 0.3).remaining == 1
    assert limiter.check("b", 0.5).remaining == 3


def test_a_request_that_one_bucket_refuses_is_counted_in_none(limiter: RateLimiter) -> None:
    buckets = [("everybody", 0.5), ("one", 0.2)]
    answers = [[one.allowed for one in limiter.check_all(buckets)] for _ in range(5)]
    assert answers == [[True, True]] * 2 + [[True, False]] * 3
    assert limiter.check("everybody", 0.5).remaining == 2
    assert not limiter.check("one", 0.2).allowed


def test_no_buckets_are_no_decisions(limiter: RateLimiter) -> None:
    assert limiter.check_all([]) == []


def test_a_clock_that_goes_back_forgives(limiter: RateLimiter, clock: Clock) -> None:
    assert allowed(limiter, "a", 0.2, 3) == 2
    clock.now -= 2 * WINDOW
    assert limiter.check("a", 0.2).allowed


@pytest.mark.parametrize("seed", range(3))
def test_all_decide_alike(limiter: RateLimiter, clock: Clock, seed: int) -> None:
    generator = random.Random(seed)
    model = SlidingWindow(clock=clock)
    limits = {"a": 0.25, "b": 1.0, "c": 3.5}
    for _ in range(300):
        # In steps that floating point keeps exactly, here as in Redis.
        clock.now += generator.choice([0, 0, 0, 1, 8, 64, 700]) / 64
        names = generator.sample(sorted(limits), generator.randint(1, 3))
        buckets = [(name, limits[name]) for name in names]
        expected = model.check_all(buckets)
        decisions = limiter.check_all(buckets)
        assert [(one.allowed, one.remaining) for one in decisions] == [
            (one.allowed, one.remaining) for one in expected
        ]
        assert decisions[0].reset == pytest.approx(expected[0].reset, abs=0.001)


def test_redis_counts_for_all_processes_by_its_own_clock(redis_url: str, connect: Connect) -> None:
    limiters = [RedisLimiter(connect(redis_url)) for _ in range(2)]
    assert sum(allowed(limiter, "a", 1000.0, 3) for limiter in limiters) == 6
    # Even if a window ended in between, its whole count is in the share that remains.
    assert limiters[0].check("a", 1000.0).remaining <= 9994
    assert 0 < limiters[1].check("a", 1000.0).reset <= WINDOW


def test_keys_of_redis_expire(redis_url: str, connect: Connect) -> None:
    RedisLimiter(connect(redis_url)).check_all([("a", 1.0), ("b", 1.0)])
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys()
        assert sorted(keys) == [b"fpservice:limit:a", b"fpservice:limit:b"]
        assert all(WINDOW * 1000 - 1000 < client.pttl(key) <= 2 * WINDOW * 1000 for key in keys)


def test_what_others_left_under_a_key_counts_nothing(redis_url: str, connect: Connect) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.set("fpservice:limit:a", "nonsense")
        client.lpush("fpservice:limit:b", "a list")
    decisions = RedisLimiter(connect(redis_url)).check_all([("a", 1.0), ("b", 1.0)])
    assert [one.remaining for one in decisions] == [9, 9]


def test_requests_that_were_decided_locally_are_counted(clock: Clock, connect: Connect) -> None:
    metrics = CountedMetrics()
    shared = RedisLimiter(connect(f"redis://127.0.0.1:{free_port()}/0"))
    limiter = FailoverLimiter(shared, SlidingWindow(clock=clock), metrics)
    for _ in range(4):
        limiter.check_all([("a", 1.0), ("b", 1.0)])
    assert metrics.counts == {"rate_limit.local": 4}
