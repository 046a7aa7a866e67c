"""Scenarios: what the service works with goes away, is wiped, or is full."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis
import requests

from fpservice.bootstrap import build_rebuild
from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.layout import CURRENT
from tests.faults.clips import clips, portions
from tests.faults.nursery import Child
from tests.faults.round import Round
from tests.faults.small_disk import small_disk
from tests.index_server import IndexServerProcess
from tests.services import PostgresServer

LIMITS = {
    "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
    "ACOUSTID_CLUSTER_RATE_LIMITER_STORAGE": "redis",
    "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "10000",
    "ACOUSTID_REDIS_TIMEOUT": "0.1",
}


def nats_down(round: Round) -> None:
    """NATS is killed and comes back, twice, while submissions come and go."""
    _without_nats(round, wiped=False)


def nats_wiped(round: Round) -> None:
    """NATS comes back without streams, consumers and messages, twice."""
    _without_nats(round, wiped=True)


def _without_nats(round: Round, *, wiped: bool) -> None:
    server = round.site.nats
    first, second, third, fourth, fifth = portions(round.seed, 5)
    with _working(round):
        round.submit(first)
        for before, after in ((second, third), (fourth, fifth)):
            time.sleep(round.rng.uniform(0.0, 0.3))
            server.kill()
            try:
                round.submit(before)
                time.sleep(round.rng.uniform(0.0, 0.3))
            finally:
                server.start_again(wiped=wiped)
            round.submit(after)
    _nothing_was_refused(round)


def redis_down(round: Round) -> None:
    """Redis goes and comes back empty, while requests are counted in it."""
    first, second, third = portions(round.seed, 3)
    site = round.site
    assert site.redis is not None
    with _working(round):
        round.submit(first)
        site.redis.stop()
        try:
            round.submit(second, pause=0.01)
        finally:
            site.redis = site.redis.start_again()
        round.submit(third)
    _nothing_was_refused(round)


def redis_wiped(round: Round) -> None:
    """Redis loses keys, scripts and connections, again and again."""
    with _working(round), round.sending(clips(round.seed, 3), 0.01):
        for _ in range(5):
            time.sleep(round.rng.uniform(0.0, 0.1))
            with redis.Redis.from_url(round.variables["ACOUSTID_REDIS_URL"]) as client:
                client.flushall()
                client.script_flush()
                client.client_kill_filter(_type="normal", skipme=True)
    _nothing_was_refused(round)


def index_server_down(round: Round) -> None:
    """The index server is killed while it is told of changes, and comes back later."""
    first, second, third, fourth = portions(round.seed, 4)
    with _working(round):
        round.submit(first)
        round.submit(second)
        round.wait_until(lambda: round.waiting() < 18)
        _killed(round, wiped=False, meanwhile=lambda: round.submit(third))
        round.submit(fourth)


def index_server_wiped(round: Round) -> None:
    """The index server comes back without its files; imports wait until they are rebuilt."""
    _wiped(round, lambda: _killed(round, wiped=True, meanwhile=lambda: None))


def index_server_deleted(round: Round) -> None:
    """The index is deleted on its server and rebuilt at once, while imports go on."""
    options = round.installed.config.fingerprint_index
    first, second, third, fourth = portions(round.seed, 4)
    with _working(round, step="taken", linger=0.02):
        round.submit(first)
        round.wait_until(round.is_done)
        with round.sending([*second, *third, *fourth], 0.03):
            time.sleep(round.rng.uniform(0.0, 0.3))
            requests.delete(f"{options.urls[0]}/{options.name}", timeout=10).raise_for_status()
            build_rebuild(round.installed.parts).rebuild(lambda number: None)


def index_wiped(round: Round) -> None:
    """The files of the embedded index go; imports wait until they are rebuilt."""
    _wiped(round, lambda: _remove(round.installed.config.index_path))


def _remove(index: Path) -> None:
    """Remove a folder while others may put files into it."""
    while any(index.glob("gen-*")) or (index / CURRENT).exists():
        shutil.rmtree(index, ignore_errors=True)


def _wiped(round: Round, wipe: Callable[[], None]) -> None:
    first, second, third, fourth = portions(round.seed, 4)
    with _working(round):
        round.submit(first)
        round.wait_until(round.is_done)
        round.submit(second)
        wipe()
        round.wait_until(lambda: not _answers(round))
        round.submit(third)
        build_rebuild(round.installed.parts).rebuild(lambda number: None)
        round.submit(fourth)


def _answers(round: Round) -> bool:
    try:
        round.installed.parts.index.ping()
    except IndexUnavailableError:
        return False
    return True


def _killed(round: Round, *, wiped: bool, meanwhile: Callable[[], None]) -> None:
    """Kill the index server, and start it again at the same place."""
    server = round.site.served_index()
    server.kill()
    try:
        meanwhile()
        if wiped:
            shutil.rmtree(server.path)
    finally:
        round.site.index_server = IndexServerProcess.start(server.path, server.port, workers=1)


def disk_full(round: Round) -> None:
    """The disk of the embedded index is full for a while."""
    _full(round, round.installed.config.index_path, lambda worker: [worker.pid])


def index_server_disk_full(round: Round) -> None:
    """The disk of the index server is full for a while."""
    server = round.site.served_index()
    master = psutil.Process(server.process.pid)
    processes = [master.pid, *(one.pid for one in master.children(recursive=True))]
    folder = server.path / round.installed.config.fingerprint_index.name
    _full(round, folder, lambda worker: processes)


def _full(round: Round, folder: Path, writers: Callable[[Child], list[int]]) -> None:
    disk = round.lasting.enter_context(small_disk(folder))
    first, second, third, fourth, fifth = portions(round.seed, 5)
    with _working(round) as worker:
        round.submit(first)
        round.wait_until(round.is_done)
        disk.fill(round.rng.randrange(8192), writers(worker))
        try:
            for portion in (second, third, fourth):
                round.submit(portion)
            round.wait_until(lambda: "imports pause" in round.log.read_text())
            assert round.waiting()
            assert round.installed.call("/v2/lookup", **first[0].lookup)["results"]
        finally:
            disk.clear(writers(worker))
        round.submit(fifth)


def database_restarted(name: str) -> Callable[[Round], None]:
    """Return a scenario: the server of one database crashes in mid-import, three times."""

    def scenario(round: Round) -> None:
        made = portions(round.seed, 6)
        with _working(round, step="after-locks", linger=0.05):
            for first, second in zip(made[::2], made[1::2], strict=True):
                with round.sending([*first, *second], 0.02):
                    _crash(round, round.site.postgres[name])

    return scenario


def _crash(round: Round, server: PostgresServer) -> None:
    wanted = len(round.accepted) + 3
    round.wait_until(lambda: len(round.accepted) >= wanted)
    time.sleep(round.rng.uniform(0.0, 0.1))
    server.crash()
    try:
        time.sleep(round.rng.uniform(0.0, 0.2))
    finally:
        server.start_again()


@contextmanager
def _working(round: Round, **how: Any) -> Iterator[Child]:
    """Have a worker run, and when the block is over, wait until it has done everything."""
    worker = round.start(**how)
    yield worker
    round.wait_until(round.is_done)
    round.end(worker)


def _nothing_was_refused(round: Round) -> None:
    assert round.accepted.keys() == round.sent.keys()
