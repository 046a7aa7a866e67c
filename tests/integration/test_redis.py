"""What Redis is asked for, how often, and by whom: requests, forks, and other processes' keys."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from fpservice.bootstrap import build_parts
from fpservice.cache.key_changes import RedisKeyChanges
from fpservice.cache.redis_connection import RedisConnection, RedisUnavailableError
from fpservice.config import load_config
from fpservice.config_options import RedisOptions
from fpservice.db import migrations
from fpservice.observability.metrics import NullMetrics
from tests.installation import APPLICATION_KEY, Installation, environment, install
from tests.services import free_port, sqlite_urls

PATH = f"/v2/submission_status?client={APPLICATION_KEY}"
Variables = dict[str, str]


@pytest.fixture
def variables(redis_url: str, tmp_path: Path) -> Variables:
    """The environment of an installation with this Redis, and databases without rows."""
    variables = {**environment(sqlite_urls(tmp_path), tmp_path), "ACOUSTID_REDIS_URL": redis_url}
    parts = build_parts(load_config(variables))
    for database in parts.databases.all():
        migrations.upgrade(database)
    parts.close()
    return variables


@pytest.fixture
def connection(redis_url: str) -> Iterator[RedisConnection]:
    with closing(RedisConnection(RedisOptions(url=redis_url), NullMetrics())) as made:
        yield made


@pytest.fixture
def limited(variables: Variables) -> Iterator[Installation]:
    limits = {
        f"ACOUSTID_CLUSTER_RATE_LIMITER_{name}": value
        for name, value in {
            "ENABLED": "true",
            "STORAGE": "redis",
            "GLOBAL_LIMIT": "1000",
            "IP_LIMIT": "1000",
            "APPLICATION_LIMIT": "1000",
        }.items()
    }
    installed = install({**variables, **limits})
    yield installed
    installed.parts.close()


def calls(redis_url: str) -> dict[str, int]:
    """Return how often each command was run, by clients or by scripts."""
    with redis.Redis.from_url(redis_url) as client:
        statistics = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): each["calls"] for name, each in statistics.items()}


def asked_by(redis_url: str, action: Callable[[], Any]) -> dict[str, int]:
    before = calls(redis_url)
    action()
    after = calls(redis_url)
    # The look itself costs a connection and a question.
    own = {"info", "auth", "hello", "client", "client|setinfo", "select"}
    return {
        name: number - before.get(name, 0)
        for name, number in after.items()
        if number > before.get(name, 0) and name not in own
    }


def test_a_request_with_three_limits_is_one_round_trip(
    limited: Installation, redis_url: str
) -> None:
    def ask() -> None:
        assert [limited.client.get(PATH).status_code for _ in range(10)] == [200] * 10

    ask()
    asked = asked_by(redis_url, ask)
    # The rest is what the script does inside Redis; keys are asked for once a second.
    assert asked.pop("get", 0) <= 1
    assert asked == {"evalsha": 10, "mget": 10, "set": 30, "time": 10}


def test_limits_hold_for_all_processes_together(limited: Installation) -> None:
    second = build_parts(limited.config)
    assert second.redis is not None
    limited.client.get(PATH)
    held = second.redis.call(lambda client: client.get("fpservice:limit:application:1"))
    assert isinstance(held, bytes)
    assert held.endswith(b" 0 1")
    second.close()


def client_id(connection: RedisConnection) -> int:
    return connection.call(lambda client: int(client.client_id()))


def test_a_fork_makes_connections_of_its_own(connection: RedisConnection) -> None:
    parent = client_id(connection)
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(
        target=lambda: sender.send([client_id(connection) for _ in range(3)]), daemon=True
    )
    child.start()
    assert receiver.poll(10)
    [first, *others] = receiver.recv()
    child.join(10)
    assert first != parent
    assert others == [first, first]
    assert client_id(connection) == parent


def test_nothing_connects_before_it_is_needed() -> None:
    options = RedisOptions(host="127.0.0.1", port=free_port())
    with (
        closing(RedisConnection(options, NullMetrics())) as made,
        pytest.raises(RedisUnavailableError, match="refused"),
    ):
        made.ping()


def test_a_wrong_password_is_unavailable(redis_url: str) -> None:
    wrong = urlsplit(redis_url)._replace(
        netloc=f":wrong@{urlsplit(redis_url).netloc.partition('@')[2]}"
    )
    options = RedisOptions(url=wrong.geturl())
    with (
        closing(RedisConnection(options, NullMetrics())) as made,
        pytest.raises(RedisUnavailableError),
    ):
        made.call(lambda client: client.get("a"))


def status(installed: Installation) -> int:
    return installed.client.get(PATH).status_code


def switch(command: str, key: str, variables: Variables) -> None:
    """Run ``fpservice keys`` in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "fpservice.cli", "keys", command, key],
        env={**os.environ, **variables},
        check=True,
        timeout=60,
    )


def test_a_key_that_is_switched_off_stops_working_within_a_second(variables: Variables) -> None:
    served = install(variables)
    assert [status(served) for _ in range(3)] == [200] * 3
    for command, expected in (("disable", 400), ("enable", 200)):
        switch(command, APPLICATION_KEY, variables)
        time.sleep(1.05)
        assert status(served) == expected
    served.parts.close()


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_changes_are_news_once(connection: RedisConnection, redis_url: str) -> None:
    clock = Clock()
    here, there = (RedisKeyChanges(connection, clock) for _ in range(2))

    def news() -> list[bool]:
        clock.now += 1.0
        return [here.has_news(), there.has_news()]

    assert news() == [True, True]
    assert news() == [False, False]
    here.announce()
    assert [here.has_news(), there.has_news()] == [False, False]
    assert news() == [True, True]
    assert news() == [False, False]
    with redis.Redis.from_url(redis_url) as client:
        assert client.ttl("fpservice:keys-changed") > 86400
        client.flushdb()
    there.announce()
    assert news() == [True, True]


def test_redis_is_asked_for_changes_once_a_second(
    connection: RedisConnection, redis_url: str
) -> None:
    clock = Clock()
    changes = RedisKeyChanges(connection, clock)

    def ask() -> None:
        for _ in range(640):
            changes.has_news()
            clock.now += 1 / 64

    assert asked_by(redis_url, ask) == {"get": 10}


def test_without_redis_there_are_no_news(caplog: pytest.LogCaptureFixture) -> None:
    options = RedisOptions(host="127.0.0.1", port=free_port())
    changes = RedisKeyChanges(RedisConnection(options, NullMetrics()))
    assert not changes.has_news()
    changes.announce()
    assert "learn late" in caplog.text
