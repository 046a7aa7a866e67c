"""What every cache does, wherever it keeps values. A new implementation adds a parameter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from urllib.parse import urlsplit

import pytest
import redis

from fpservice.cache.redis_cache import RedisCache
from fpservice.cache.redis_connection import RedisConnection
from fpservice.config_options import RedisOptions
from fpservice.interfaces import Cache
from fpservice.observability.metrics import NullMetrics
from tests.counted_metrics import CountedMetrics
from tests.services import free_port
from tests.services.counting_proxy import CountingProxy

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


@pytest.fixture(params=["redis"])
def cache(request: pytest.FixtureRequest, connect: Connect, metrics: CountedMetrics) -> Cache:
    return RedisCache("names", connect(request.getfixturevalue("redis_url")), metrics)


def test_what_was_set_is_there(cache: Cache) -> None:
    values = {"a": b"1", "b": b"\x00\xff", "": b""}
    assert cache.get_many([*values, "c"]) == {}
    cache.set_many({key: (value, TTL) for key, value in values.items()})
    assert cache.get_many([*values, "c"]) == values
    assert cache.get_many(["b"]) == {"b": b"\x00\xff"}


def test_nothing_is_nothing(cache: Cache) -> None:
    cache.set_many({})
    assert cache.get_many([]) == {}


def test_the_last_value_counts(cache: Cache) -> None:
    cache.set_many({"a": (b"1", TTL)})
    cache.set_many({"a": (b"2", TTL)})
    assert cache.get_many(["a"]) == {"a": b"2"}


def test_values_live_as_long_as_they_may(cache: Cache) -> None:
    values = {"short": (b"1", 0.05), "long": (b"2", TTL), "for ever": (b"3", float("inf"))}
    cache.set_many(values)
    time.sleep(0.1)
    assert cache.get_many(values) == {"long": b"2", "for ever": b"3"}


@pytest.mark.parametrize("ttl", [0.0, -1.0])
def test_a_value_without_time_replaces_the_old_one_all_the_same(cache: Cache, ttl: float) -> None:
    cache.set_many({"a": (b"1", TTL), "b": (b"1", TTL)})
    cache.set_many({"a": (b"2", ttl), "b": (b"2", TTL)})
    assert cache.get_many("ab") == {"b": b"2"}


def test_hits_and_misses_are_counted(cache: Cache, metrics: CountedMetrics) -> None:
    cache.set_many({"a": (b"1", TTL)})
    cache.get_many("ab")
    cache.get_many("abc")
    assert metrics.counts == {"cache.hits.names.redis": 2, "cache.misses.names.redis": 3}


def test_threads_share_it(cache: Cache) -> None:
    def work(number: int) -> None:
        for step in range(50):
            cache.set_many({f"{number}.{each}": (b"%d" % step, TTL) for each in range(step % 7)})
            cache.get_many(f"{number}.{each}" for each in range(5))
        cache.set_many({f"{number}": (b"done", TTL)})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert cache.get_many("0123") == dict.fromkeys("0123", b"done")


def test_redis_is_asked_once_for_all_keys(redis_url: str, connect: Connect) -> None:
    place = urlsplit(redis_url)
    assert place.hostname is not None
    assert place.port is not None
    with closing(CountingProxy(place.hostname, place.port)) as relay:
        near = place._replace(netloc=f":{place.password or ''}@127.0.0.1:{relay.port}")
        cache = RedisCache("names", connect(near.geturl()), NullMetrics())
        keys = [str(number) for number in range(50)]
        # The first call connects.
        cache.get_many(keys)
        with relay.counted() as set_trips:
            cache.set_many(dict.fromkeys(keys, (b"x", TTL)))
        with relay.counted() as get_trips:
            assert len(cache.get_many(keys)) == 50
    assert (set_trips, get_trips) == ([1], [1])


def test_redis_is_shared_and_its_keys_expire(
    redis_url: str, connect: Connect, metrics: CountedMetrics
) -> None:
    one, other = (RedisCache("names", connect(redis_url), metrics) for _ in range(2))
    one.set_many({"a": (b"1", TTL)})
    assert other.get_many("a") == {"a": b"1"}
    assert RedisCache("dates", connect(redis_url), metrics).get_many("a") == {}
    with redis.Redis.from_url(redis_url) as client:
        assert 0 < client.pttl("fpservice:names:a") <= TTL * 1000


def test_redis_that_is_gone_is_a_miss_and_an_error(
    connect: Connect, metrics: CountedMetrics
) -> None:
    cache = RedisCache("names", connect(nowhere()), metrics)
    cache.set_many({"a": (b"1", TTL)})
    assert cache.get_many("ab") == {}
    assert metrics.counts == {"cache.errors.names.redis": 2}
