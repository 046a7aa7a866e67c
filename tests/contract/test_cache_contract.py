"""What every cache does, wherever it keeps values. A new implementation adds a parameter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import redis

from fpservice.cache.failover_cache import FailoverCache
from fpservice.cache.memory_cache import MemoryCache
from fpservice.cache.redis_cache import RedisCache
from fpservice.cache.redis_connection import RedisConnection
from fpservice.config_options import RedisOptions
from fpservice.interfaces import Cache
from fpservice.observability.metrics import NullMetrics
from tests.counted_metrics import CountedMetrics
from tests.services import free_port

Connect = Callable[[str], RedisConnection]
TTL = 60.0


@pytest.fixture
def connect() -> Iterator[Connect]:
    with ExitStack() as connections:

        def connected(url: str) -> RedisConnection:
            connection = RedisConnection(RedisOptions(url=url), NullMetrics())
            return connections.enter_context(closing(connection))

        yield connected


@pytest.fixture
def metrics() -> CountedMetrics:
    return CountedMetrics()


def nowhere() -> str:
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.fixture(params=["memory", "redis", "failover", "failover without redis"])
def cache(request: pytest.FixtureRequest, connect: Connect, metrics: CountedMetrics) -> Cache:
    memory = MemoryCache("names", metrics)
    if request.param == "memory":
        return memory
    missing = request.param == "failover without redis"
    url = nowhere() if missing else request.getfixturevalue("redis_url")
    shared = RedisCache("names", connect(url), metrics)
    return shared if request.param == "redis" else FailoverCache(shared, memory)


def test_what_was_set_is_there(cache: Cache) -> None:
    assert cache.get("a") is None
    cache.set("a", b"1", TTL)
    cache.set("b", b"\x00\xff", TTL)
    cache.set("", b"", TTL)
    assert [cache.get(key) for key in ("a", "b", "", "c")] == [b"1", b"\x00\xff", b"", None]


def test_the_last_value_counts(cache: Cache) -> None:
    cache.set("a", b"1", TTL)
    cache.set("a", b"2", TTL)
    assert cache.get("a") == b"2"


def test_what_was_deleted_is_gone(cache: Cache) -> None:
    cache.set("a", b"1", TTL)
    cache.set("b", b"2", TTL)
    cache.delete("a")
    cache.delete("never there")
    assert (cache.get("a"), cache.get("b")) == (None, b"2")


def test_values_live_as_long_as_they_may(cache: Cache) -> None:
    cache.set("short", b"1", 0.05)
    cache.set("long", b"2", TTL)
    cache.set("for ever", b"3", float("inf"))
    time.sleep(0.1)
    assert [cache.get(key) for key in ("short", "long", "for ever")] == [None, b"2", b"3"]


@pytest.mark.parametrize("ttl", [0.0, -1.0])
def test_a_value_without_time_replaces_the_old_one_all_the_same(cache: Cache, ttl: float) -> None:
    cache.set("a", b"1", TTL)
    cache.set("a", b"2", ttl)
    assert cache.get("a") is None


def test_hits_and_misses_are_counted(cache: Cache, metrics: CountedMetrics) -> None:
    cache.set("a", b"1", TTL)
    for key in ("a", "a", "b"):
        cache.get(key)
    storages = ("memory", "redis")
    assert sum(metrics.counts[f"cache.hits.names.{storage}"] for storage in storages) == 2
    assert sum(metrics.counts[f"cache.misses.names.{storage}"] for storage in storages) == 1


def test_threads_share_it(cache: Cache) -> None:
    def work(number: int) -> None:
        for step in range(50):
            cache.set(f"{number}.{step % 7}", b"%d" % step, TTL)
            cache.get(f"{number}.{step % 5}")
            cache.delete(f"{number}.{step % 3}")
        cache.set(f"{number}", b"done", TTL)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [cache.get(str(number)) for number in range(4)] == [b"done"] * 4


def test_memory_is_bounded(metrics: CountedMetrics) -> None:
    cache = MemoryCache("names", metrics, max_bytes=10_000)
    for number in range(1000):
        cache.set(str(number), b"x" * 100, TTL)
    assert 20 < len(cache) < 40
    assert cache.get("999")
    cache.set("999", b"x" * 10_000, TTL)
    assert cache.get("999") is None


def test_memory_forgets_what_is_too_old(metrics: CountedMetrics) -> None:
    now = [0.0]
    cache = MemoryCache("names", metrics, clock=lambda: now[0])
    for number in range(10):
        cache.set(str(number), b"x", 10.0 + number)
    now[0] = 14.5
    assert len(cache) == 5


def test_redis_is_shared_and_its_keys_expire(
    redis_url: str, connect: Connect, metrics: CountedMetrics
) -> None:
    one, other = (RedisCache("names", connect(redis_url), metrics) for _ in range(2))
    one.set("a", b"1", TTL)
    assert other.get("a") == b"1"
    assert RedisCache("dates", connect(redis_url), metrics).get("a") is None
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl("fpservice:names:a") <= TTL * 1000


def test_redis_that_is_gone_is_a_miss_and_an_error(
    connect: Connect, metrics: CountedMetrics
) -> None:
    cache = RedisCache("names", connect(nowhere()), metrics)
    cache.set("a", b"1", TTL)
    assert cache.get("a") is None
    cache.delete("a")
    assert metrics.counts == {"cache.errors.names.redis": 3}
