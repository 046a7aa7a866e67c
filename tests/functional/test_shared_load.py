"""Connections that are kept are shared by all web processes, however they come."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection

import psutil
import pytest

from tests.overload import web_workers
from tests.served import Served

CONNECTIONS = 16


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    variables = {
        "FPSERVICE_DATA": str(tmp_path_factory.mktemp("data")),
        "ACOUSTID_GUNICORN_WORKERS": "2",
    }
    with Served.start(variables, "--no-demo", "--no-worker") as running:
        yield running


def connections_of(process: psutil.Process) -> int:
    return sum(one.status == psutil.CONN_ESTABLISHED for one in process.net_connections("tcp"))


def ask(connection: HTTPConnection) -> None:
    connection.request("GET", "/_health_docker")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200


def kept(served: Served, stack: ExitStack, number: int) -> list[HTTPConnection]:
    port = int(served.url.rpartition(":")[2])
    made = [HTTPConnection("127.0.0.1", port, timeout=10) for _ in range(number)]
    for one in made:
        one.connect()
        stack.callback(one.close)
    for one in made:
        ask(one)
    return made


def shares(served: Served) -> list[int]:
    """Return how many of some new connections each process gets."""
    with ExitStack() as stack:
        kept(served, stack, CONNECTIONS)
        return [connections_of(one) for one in web_workers(served)]


def wait_for_shares(served: Served) -> None:
    """Wait until all processes have begun, and share connections."""
    deadline = time.monotonic() + 20
    while len(found := shares(served)) < 2 or max(found) - min(found) > 3:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    assert sum(found) == CONNECTIONS


def test_no_process_takes_most_of_them(served: Served) -> None:
    wait_for_shares(served)


def test_a_process_that_does_not_get_on_keeps_nobody_waiting(served: Served) -> None:
    wait_for_shares(served)
    stopped, _ = web_workers(served)
    stopped.suspend()
    try:
        assert sum(shares(served)) == CONNECTIONS
    finally:
        stopped.resume()


def test_a_process_in_the_place_of_another_has_its_share(served: Served) -> None:
    web_workers(served)[0].kill()
    wait_for_shares(served)
