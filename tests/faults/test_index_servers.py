"""Index servers that die, hang and come back: searches and updates go on, or fail in time."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fpservice.domain.errors import IndexUnavailableError
from fpservice.domain.index_query import query_terms
from fpservice.index.http import HttpIndex
from fpservice.interfaces import Hit, IndexDelete, StoredFingerprint
from fpservice.observability.metrics import NullMetrics
from tests.index_samples import sample, samples
from tests.index_server import IndexServerProcess

PAUSE = 0.5


@dataclass
class GaugedMetrics(NullMetrics):
    """Remembers which nodes are left alone."""

    left_alone: dict[str, float] = field(default_factory=dict)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        if name == "index.node_left_alone":
            self.left_alone[labels["node"]] = value


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[list[IndexServerProcess]]:
    """Two servers that have the same indexes, as they have the same folder."""
    servers = [IndexServerProcess.start(tmp_path / "indexes", workers=1) for _ in range(2)]
    yield servers
    for server in servers:
        server.stop()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[IndexServerProcess]:
    with IndexServerProcess.running(tmp_path / "indexes", workers=1) as running:
        yield running


def client(*servers: IndexServerProcess, timeout: float = 1.0) -> HttpIndex:
    urls = [server.url for server in servers]
    return HttpIndex(
        urls, "main", NullMetrics(), timeout=timeout, update_timeout=timeout, pause=PAUSE
    )


def finds(index: HttpIndex, one: StoredFingerprint, timeout: float = 4.0) -> bool:
    terms = query_terms(one.hashes)
    return index.search(terms, limit=1, timeout=timeout) == [Hit(one.id, len(terms))]


def test_one_of_two_is_killed(pair: list[IndexServerProcess]) -> None:
    index = client(*pair)
    index.apply(samples(range(1, 5)))
    assert all(finds(index, sample(1)) for _ in range(4))
    pair[0].kill()
    assert all(finds(index, sample(1)) for _ in range(4))
    index.apply([sample(9)])
    index.ping()
    assert all(finds(index, sample(9)) for _ in range(4))
    index.close()


def test_all_are_killed_and_one_comes_back(pair: list[IndexServerProcess], tmp_path: Path) -> None:
    index = client(*pair)
    index.apply(samples(range(1, 5)))
    for server in pair:
        server.kill()
    for _ in range(5):
        with pytest.raises(IndexUnavailableError):
            finds(index, sample(1))
        with pytest.raises(IndexUnavailableError):
            index.apply([sample(7)])
        with pytest.raises(IndexUnavailableError):
            index.ping()
    with IndexServerProcess.running(tmp_path / "indexes", pair[1].port, workers=1):
        time.sleep(PAUSE)
        assert finds(index, sample(4))
        index.apply([sample(7)])
        assert finds(index, sample(7))
    index.close()


def test_one_of_two_hangs(pair: list[IndexServerProcess]) -> None:
    index = client(*pair)
    index.apply(samples(range(1, 5)))
    assert all(finds(index, sample(1)) for _ in range(4))
    pair[0].signal(signal.SIGSTOP)
    started = time.monotonic()
    assert all(finds(index, sample(1)) for _ in range(4))
    # One search found out, within a second; the others leave that server alone.
    assert time.monotonic() - started < 2
    index.apply([sample(9)])
    assert finds(index, sample(9))
    pair[0].signal(signal.SIGCONT)
    time.sleep(PAUSE)
    assert all(finds(index, sample(9)) for _ in range(4))
    index.close()


def test_a_server_that_hangs_is_an_error_in_time(server: IndexServerProcess) -> None:
    index = client(server, timeout=0.4)
    index.apply(samples(range(1, 5)))
    server.signal(signal.SIGSTOP)
    for limit in (0.1, 0.4, 5.0):
        started = time.monotonic()
        with pytest.raises(IndexUnavailableError):
            finds(index, sample(1), timeout=limit)
        assert time.monotonic() - started < min(limit, 0.4) + 0.7
    server.signal(signal.SIGCONT)
    time.sleep(PAUSE)
    assert finds(index, sample(1))
    index.close()


def test_the_breaker_opens_and_closes(server: IndexServerProcess) -> None:
    metrics = GaugedMetrics()
    index = HttpIndex([server.url], "main", metrics, timeout=0.3, pause=PAUSE)
    index.apply([sample(1)])
    server.signal(signal.SIGSTOP)
    for _ in range(3):
        with pytest.raises(IndexUnavailableError):
            finds(index, sample(1))
    assert metrics.left_alone["1"] == 1
    started = time.monotonic()
    with pytest.raises(IndexUnavailableError, match="left alone"):
        finds(index, sample(1))
    assert time.monotonic() - started < 0.2
    server.signal(signal.SIGCONT)
    time.sleep(PAUSE)
    assert finds(index, sample(1))
    assert metrics.left_alone["1"] == 0
    index.close()


def test_an_update_that_was_given_up_undoes_nothing_when_it_arrives(
    pair: list[IndexServerProcess],
) -> None:
    """The first server wakes up with an old update that the second one has got past long ago."""
    slow = client(pair[0], timeout=0.5)
    index = client(pair[1])
    index.apply([sample(1)])
    assert finds(slow, sample(1))
    pair[0].signal(signal.SIGSTOP)
    version = index.info().version
    with pytest.raises(IndexUnavailableError):
        slow.update([sample(1, version=1)], version)
    index.apply([sample(1, version=1)])
    index.apply([IndexDelete(1)])
    pair[0].signal(signal.SIGCONT)
    time.sleep(PAUSE + 1)
    assert not finds(slow, sample(1, version=1))
    assert index.info().version == version + 2
    for one in (slow, index):
        one.close()


def test_old_connections_of_a_restarted_server_do_no_harm(
    server: IndexServerProcess, tmp_path: Path
) -> None:
    index = client(server)
    index.apply([sample(1)])
    together(8, lambda number: finds(index, sample(1)))
    server.kill()
    with IndexServerProcess.running(tmp_path / "indexes", server.port, workers=1):
        assert all(finds(index, sample(1)) for _ in range(10))
        index.apply([sample(2)])
        assert finds(index, sample(2))
    index.close()


def test_confirmed_updates_survive_a_kill(server: IndexServerProcess, tmp_path: Path) -> None:
    index = client(server)
    confirmed: list[int] = []

    def write() -> None:
        for number in range(1, 100_000):
            try:
                index.apply([sample(number)])
            except IndexUnavailableError:
                return
            confirmed.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    while len(confirmed) < 20 and writer.is_alive():
        time.sleep(0.01)
    server.kill()
    writer.join(30)
    with IndexServerProcess.running(tmp_path / "indexes", server.port, workers=1):
        time.sleep(PAUSE)
        assert all(finds(index, sample(number)) for number in confirmed)
        # What was under way may be there or not.
        assert index.status().fingerprints in (len(confirmed), len(confirmed) + 1)
    index.close()


def test_several_writers_lose_nothing(pair: list[IndexServerProcess]) -> None:
    def write(number: int) -> bool:
        index = client(pair[number % 2], timeout=10)
        for start in range(5):
            index.apply(samples(range(number * 100 + start * 10, number * 100 + start * 10 + 10)))
        index.close()
        return True

    assert together(4, lambda number: write(number + 1)) == [True] * 4
    index = client(*pair)
    assert index.status().fingerprints == 200
    assert index.info().version == 20
    assert all(finds(index, one) for one in samples(range(100, 150)))
    index.close()


def test_a_fork_gets_connections_of_its_own(server: IndexServerProcess) -> None:
    index = client(server, timeout=5)
    index.apply(samples(range(1, 30)))
    children = []
    for number in range(3):
        child = os.fork()
        if not child:
            good = all(finds(index, sample(1 + (n + number) % 29)) for n in range(30))
            os._exit(0 if good else 1)
        children.append(child)
    assert all(finds(index, sample(1 + n % 29)) for n in range(30))
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 3
    index.close()


def together(number: int, work: object) -> list[object]:
    """Return what ``work(0)``, ``work(1)`` … return, each in a thread of its own."""
    assert callable(work)
    results: list[object] = [None] * number

    def run(which: int) -> None:
        results[which] = work(which)

    threads = [threading.Thread(target=run, args=(which,)) for which in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results
