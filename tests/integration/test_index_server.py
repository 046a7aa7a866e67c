"""The served index beyond the recorded exchanges: hostile requests, archives, many processes."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from fpservice.domain.errors import IndexLockedError
from fpservice.domain.index_query import query_terms
from fpservice.index.http import HttpIndex
from fpservice.index.http_builder import HttpIndexBuilder
from fpservice.index.record import Change
from fpservice.interfaces import Hit, IndexDelete
from fpservice.observability.metrics import NullMetrics
from tests.index_samples import Contents, apply_to, expected_hits, sample, samples
from tests.index_server import IndexServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServerProcess]:
    with IndexServerProcess.running(tmp_path_factory.mktemp("indexes"), workers=3) as running:
        yield running


@pytest.fixture
def index(server: IndexServerProcess) -> Iterator[HttpIndex]:
    made = HttpIndex([server.url], f"index-{uuid.uuid4()}", NullMetrics())
    yield made
    made.close()


def name_of(index: HttpIndex) -> str:
    return index.status().location.partition(" ")[0]


def test_many_changes_in_segments_are_found_by_every_process(index: HttpIndex) -> None:
    contents: Contents = {}
    changes: list[Change] = [*samples(range(1, 2500)), *map(IndexDelete, range(1, 2500, 7))]
    changes += samples(range(1, 2500, 5), version=1)
    index.apply(changes)
    contents = apply_to(contents, changes)
    assert index.status().fingerprints == len(contents)
    assert index.status().segments > 0
    for number in range(1, 2500, 97):
        terms = query_terms(sample(number, number % 5 == 1).hashes)
        assert index.search(terms, limit=10) == expected_hits(contents, terms.tolist(), 10)


def test_a_version_is_known_for_each_fingerprint(
    server: IndexServerProcess, index: HttpIndex
) -> None:
    index.apply(samples(range(1, 4)))
    index.apply([sample(2, version=1)])
    index.apply([])
    url = f"{server.url}/{name_of(index)}"
    versions = [requests.get(f"{url}/{one}", timeout=5).json() for one in (1, 2, 3)]
    assert versions == [{"version": 1}, {"version": 2}, {"version": 1}]
    assert index.has(2)
    assert not index.has(4)


def test_an_archive_is_the_index_again(
    server: IndexServerProcess, index: HttpIndex, tmp_path: Path
) -> None:
    index.apply(samples(range(1, 1_500)))
    index.apply([IndexDelete(5), sample(6, version=1)])
    url = f"{server.url}/{name_of(index)}/_snapshot"
    data = requests.get(url, timeout=30).content
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "restored", filter="data")
    with IndexServerProcess.running(tmp_path / "restored", workers=1) as other:
        copy = HttpIndex([other.url], name_of(index), NullMetrics())
        assert copy.info() == index.info()
        terms = query_terms(sample(6, version=1).hashes)
        assert copy.search(terms, limit=5) == [Hit(6, len(terms))]
        assert not copy.has(5)
        copy.apply([sample(9_999)])
        assert copy.has(9_999)
        copy.close()
    assert not index.has(9_999)


def test_archives_are_whole_while_the_index_is_written(
    server: IndexServerProcess, index: HttpIndex
) -> None:
    index.apply(samples(range(1, 50)))
    url = f"{server.url}/{name_of(index)}/_snapshot"
    stop = threading.Event()

    def write() -> None:
        for start in range(100, 10_000, 400):
            if stop.is_set():
                return
            index.apply(samples(range(start, start + 400)))

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(5):
        data = requests.get(url, timeout=30).content
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            assert sum(one.name.endswith("manifest.json") for one in archive.getmembers()) == 1
    stop.set()
    writer.join(30)


def test_metrics_are_of_all_processes(server: IndexServerProcess, index: HttpIndex) -> None:
    def counted() -> dict[str, float]:
        text = requests.get(f"{server.url}/_metrics", timeout=5).text
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
        return {name: float(value) for name, value in pairs}

    before = counted()
    index.apply(samples(range(1, 11)))
    for _ in range(20):
        # Each on a connection of its own, so that it meets any of the processes.
        index.close()
        index.search(query_terms(sample(1).hashes), limit=5)
    after = counted()
    assert after["fpindex_searches_total"] - before["fpindex_searches_total"] == 20
    assert after["fpindex_search_hits_total"] - before["fpindex_search_hits_total"] == 20
    assert after["fpindex_changes_total"] - before["fpindex_changes_total"] == 10
    assert after[f'fpindex_fingerprints{{index="{name_of(index)}"}}'] == 10


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/..%2f..%2fetc/1", 500),
        ("PUT", "/..%2fx", 400),
        ("PUT", "/%00", 400),
        ("PUT", "/_health", 400),
        ("GET", "/nothing", 404),
        ("GET", "/nothing/_health", 404),
        ("GET", "/nothing/_status", 404),
        ("GET", "/nothing/_snapshot", 404),
        ("DELETE", "/nothing", 200),
        ("DELETE", "/nothing/1", 404),
        ("GET", "/nothing/-1", 400),
        ("GET", "/nothing/１", 400),
        ("GET", "//", 400),
        ("BREW", "/nothing", 500),
    ],
)
def test_paths(server: IndexServerProcess, method: str, path: str, status: int) -> None:
    answer = requests.request(method, server.url + path, timeout=5)
    assert answer.status_code == status
    assert set(answer.json()) <= {"error", "deleted"}


def test_nothing_is_made_on_disk_for_an_index_that_is_only_asked_for(
    server: IndexServerProcess,
) -> None:
    body = {"changes": [{"insert": {"id": 1, "hashes": [1]}}]}
    assert requests.post(f"{server.url}/asked/_update", json=body, timeout=5).status_code == 404
    assert requests.delete(f"{server.url}/asked", timeout=5).json() == {"deleted": False}
    assert not (server.path / "asked").exists()


def test_a_body_that_is_too_long_is_refused(server: IndexServerProcess, index: HttpIndex) -> None:
    index.create()
    answer = requests.post(
        f"{server.url}/{name_of(index)}/_search",
        data=b"[" * (17 << 20),
        headers={"Content-Type": "application/json"},
        timeout=30,
    )
    assert answer.status_code == 413


def test_half_a_request_keeps_nobody_waiting(server: IndexServerProcess, index: HttpIndex) -> None:
    index.apply([sample(1)])
    halves = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
    for half in halves:
        half.sendall(b"POST /x/_search HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    terms = query_terms(sample(1).hashes)
    for _ in range(10):
        assert index.search(terms, limit=5) == [Hit(1, len(terms))]
    for half in halves:
        half.close()


def test_a_rebuild_removes_what_is_not_added(index: HttpIndex) -> None:
    index.apply(samples(range(1, 1_000, 3)))
    with HttpIndexBuilder(index) as builder:
        builder.add(samples(range(1, 100)))
        builder.commit(lambda: [samples([150]), [IndexDelete(50)]])
    assert index.status().fingerprints == 99
    assert {one for one in range(1, 160) if index.has(one)} == {*range(1, 100), 150} - {50}


def test_what_is_written_during_a_rebuild_is_asked_for_again(index: HttpIndex) -> None:
    index.apply(samples(range(1, 20)))
    calls: list[int] = []

    def catch_up() -> Iterator[list[Change]]:
        calls.append(1)
        if len(calls) == 1:
            # The importer tells the index of a fingerprint just when it was looked for.
            index.apply([sample(7, version=1)])
            yield []
        else:
            yield [sample(7, version=1)]

    with HttpIndexBuilder(index) as builder:
        builder.add([sample(1)])
        builder.commit(catch_up)
    assert len(calls) == 2
    assert {one for one in range(1, 20) if index.has(one)} == {1, 7}


def test_a_rebuild_that_is_never_left_alone_gives_up(index: HttpIndex) -> None:
    index.apply([sample(1)])

    def catch_up() -> Iterator[list[Change]]:
        index.apply([sample(2)])
        yield [sample(2)]

    with HttpIndexBuilder(index) as builder, pytest.raises(IndexLockedError):
        builder.commit(catch_up)
