"""Redis is stopped, frozen, wiped and started again: no request fails, and limits go on."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import redis
from flask import Flask

from fpservice.app import create_app
from fpservice.bootstrap import Parts, build_api_keys, build_parts, build_services
from fpservice.cache.redis_cache import RedisCache
from fpservice.cache.redis_connection import RedisConnection
from fpservice.config import load_config
from fpservice.config_options import RedisOptions
from fpservice.db import migrations
from fpservice.observability.metrics import NullMetrics
from fpservice.providers.circuit_breaker import CircuitBreaker
from tests.counted_metrics import CountedMetrics
from tests.installation import APPLICATION_KEY, environment
from tests.services import RedisServer, sqlite_urls

TIMEOUT = 0.1
PAUSE = 0.3
PATH = f"/v2/submission_status?client={APPLICATION_KEY}"


@dataclass
class Redis:
    """A server of this test alone, and what the test does to it."""

    server: RedisServer

    def stop(self) -> None:
        self.server.stop()

    def start(self) -> None:
        self.server = self.server.start_again()

    def held(self) -> list[bytes]:
        with redis.Redis.from_url(self.server.url) as client:
            return sorted(client.keys())

    def wipe(self) -> None:
        with redis.Redis.from_url(self.server.url) as client:
            client.flushall()
            client.script_flush()
            client.client_kill_filter(_type="normal", skipme=True)


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    own = Redis(RedisServer.start_own())
    yield own
    own.stop()


@dataclass
class Freezer:
    """Freezes the process of a server, which then accepts connections and answers nothing."""

    process: int

    def freeze(self) -> None:
        os.kill(self.process, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.process, signal.SIGCONT)


@pytest.fixture
def freezer(own_redis: Redis) -> Iterator[Freezer]:
    """It thaws when the test ends, so that it can be stopped."""
    with redis.Redis.from_url(own_redis.server.url) as client:
        one = Freezer(client.info("server")["process_id"])
    yield one
    one.thaw()


@dataclass
class Served:
    app: Flask
    metrics: CountedMetrics
    statuses: list[int] = field(default_factory=list)
    longest: float = 0.0

    def ask(self, requests: int = 1) -> list[int]:
        """Send requests, and remember how long one took at most, in seconds."""
        client = self.app.test_client()
        for _ in range(requests):
            started = time.monotonic()
            self.statuses.append(client.get(PATH).status_code)
            self.longest = max(self.longest, time.monotonic() - started)
        return self.statuses[-requests:]

    def waits(self) -> int:
        """Return how many requests waited for Redis in vain."""
        return self.metrics.counts["redis.failures"]

    def wait_until(self, open_circuit: bool, limit: float = 5.0) -> None:
        """Send requests until Redis is known to be gone, or back."""
        deadline = time.monotonic() + limit
        while self.metrics.gauges.get("breaker.open.redis") != open_circuit:
            assert time.monotonic() < deadline
            self.ask()
            time.sleep(0.01)

    def health(self) -> tuple[int, str]:
        answer = self.app.test_client().get("/_health_ro")
        assert answer.json is not None
        return answer.status_code, answer.json["checks"]["redis"]["status"]


Serve = Callable[..., Served]


@pytest.fixture
def serve(own_redis: Redis, tmp_path: Path) -> Iterator[Serve]:
    """An installation that counts requests in this Redis, and tries it again soon."""
    opened: list[Parts] = []

    def serve(**limits: str) -> Served:
        variables = {
            f"ACOUSTID_CLUSTER_RATE_LIMITER_{name.upper()}": value
            for name, value in {"enabled": "true", "storage": "redis", **limits}.items()
        }
        config = load_config(
            {
                **environment(sqlite_urls(tmp_path), tmp_path),
                **variables,
                "ACOUSTID_REDIS_URL": own_redis.server.url,
                "ACOUSTID_REDIS_TIMEOUT": str(TIMEOUT),
            }
        )
        metrics = CountedMetrics()
        connection = RedisConnection(config.redis, metrics, CircuitBreaker(1, PAUSE))
        parts = replace(build_parts(config), metrics=metrics, redis=connection)
        opened.append(parts)
        for database in parts.databases.all():
            migrations.upgrade(database)
        build_api_keys(parts).add_application("Test", apikey=APPLICATION_KEY)
        return Served(create_app(build_services(parts)), metrics)

    yield serve
    for parts in opened:
        parts.close()


@pytest.fixture
def served(serve: Serve) -> Served:
    """With limits that no test reaches."""
    return serve(global_limit="1000", ip_limit="1000", application_limit="1000")


@pytest.fixture
def under_requests(served: Served) -> Iterator[Served]:
    """Requests come all the while, from another thread."""
    served.ask(3)
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            served.ask()

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.1)
    yield served
    over.set()
    thread.join(10)
    assert set(served.statuses) == {200}


def test_stopped_and_started_again(own_redis: Redis, under_requests: Served) -> None:
    own_redis.stop()
    under_requests.wait_until(True)
    time.sleep(2.5 * PAUSE)
    assert under_requests.metrics.counts["rate_limit.local"] > 10
    own_redis.start()
    under_requests.wait_until(False)
    assert b"fpservice:limit:global" in own_redis.held()


def test_frozen_and_thawed(under_requests: Served, freezer: Freezer) -> None:
    started = time.monotonic()
    freezer.freeze()
    under_requests.wait_until(True)
    time.sleep(2.5 * PAUSE)
    freezer.thaw()
    under_requests.wait_until(False)
    # Both threads may be waiting already when the first failure is noticed.
    assert 1 <= under_requests.waits() <= (time.monotonic() - started) / PAUSE + 2
    assert under_requests.longest < 2


def test_wiped(own_redis: Redis, under_requests: Served) -> None:
    for _ in range(5):
        own_redis.wipe()
        time.sleep(0.05)
    under_requests.wait_until(False)
    assert b"fpservice:limit:global" in own_redis.held()


def test_started_again_between_requests(own_redis: Redis, served: Served) -> None:
    served.ask()
    own_redis.stop()
    own_redis.start()
    # The connection that was kept is dead, and that is noticed before it is used.
    served.ask(3)
    assert served.metrics.counts["rate_limit.local"] == 0
    assert set(served.statuses) == {200}


def test_not_there_at_the_start(own_redis: Redis, served: Served) -> None:
    own_redis.stop()
    assert served.ask(10) == [200] * 10
    assert served.metrics.counts["rate_limit.local"] == 10
    assert served.waits() == 1
    own_redis.start()
    served.wait_until(False)
    assert set(served.statuses) == {200}


def test_a_frozen_one_is_waited_for_once_a_pause(served: Served, freezer: Freezer) -> None:
    served.ask()
    freezer.freeze()
    started = time.monotonic()
    while time.monotonic() < started + 4 * PAUSE:
        served.ask()
    assert 1 <= served.waits() <= (time.monotonic() - started) / PAUSE + 1
    assert served.metrics.counts["rate_limit.local"] > 20
    assert served.longest < 2
    assert set(served.statuses) == {200}


def test_limits_hold_in_the_process_meanwhile(own_redis: Redis, serve: Serve) -> None:
    served = serve(ip_limit="0.5")
    assert served.ask(7) == [200] * 5 + [429] * 2
    own_redis.stop()
    assert served.ask(7) == [200] * 5 + [429] * 2
    assert served.metrics.counts["rate_limit.local"] == 7
    own_redis.start()
    served.wait_until(False)
    # One got through while waiting; what the process counted is not what Redis counts.
    assert served.ask(6) == [200] * 4 + [429] * 2


def test_the_health_page_names_it_and_requests_go_on(own_redis: Redis, served: Served) -> None:
    assert served.health() == (200, "ok")
    own_redis.stop()
    assert served.health() == (503, "error")
    assert served.ask(2) == [200] * 2
    own_redis.start()
    assert served.health() == (200, "ok")


@pytest.fixture
def cache(own_redis: Redis) -> Iterator[RedisCache]:
    """A cache that goes back to Redis at once."""
    options = RedisOptions(url=own_redis.server.url, timeout=TIMEOUT)
    connection = RedisConnection(options, NullMetrics(), CircuitBreaker(1, 0.0))
    yield RedisCache("names", connection, NullMetrics())
    connection.close()


def test_a_cache_in_a_stopped_one_misses_until_it_is_back(
    own_redis: Redis, cache: RedisCache
) -> None:
    cache.set_many({"a": (b"1", 60.0)})
    own_redis.stop()
    assert cache.get_many("ab") == {}
    cache.set_many({"b": (b"2", 60.0)})
    own_redis.start()
    assert cache.get_many("ab") == {}
    cache.set_many({"b": (b"3", 60.0)})
    assert cache.get_many("ab") == {"b": b"3"}


def test_a_cache_in_a_frozen_one_misses_until_it_thaws(cache: RedisCache, freezer: Freezer) -> None:
    cache.set_many({"a": (b"1", 60.0)})
    freezer.freeze()
    started = time.monotonic()
    assert cache.get_many("ab") == {}
    cache.set_many({"b": (b"2", 60.0)})
    assert time.monotonic() - started < 2
    freezer.thaw()
    # Late answers are not taken for those of later questions.
    for _ in range(3):
        assert cache.get_many("a") == {"a": b"1"}
