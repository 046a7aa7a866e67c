"""A service whose only thread is taken, where one request may wait: how the others are refused."""

from __future__ import annotations

import json
import socket
import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest
import requests

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.open_loop import request
from tests.served import Served

# How long the thread is taken, and how long somebody may wait for it, in seconds.
TAKEN = 6
QUEUE_TIME = 3.0
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def lookup() -> bytes:
    form = {"client": APPLICATION_KEY, "fingerprint": example().fingerprint}
    return urlencode({**form, "duration": example().duration}).encode()


def submission(number: int, wait: int = 0) -> bytes:
    form = {"client": APPLICATION_KEY, "user": USER_KEY, "track": "New", "duration": 30}
    form |= {"fingerprint": fresh_fingerprint(number), "wait": wait}
    return urlencode(form).encode()


def stored(data: Path) -> int:
    """Return how many submissions there are."""
    with closing(sqlite3.connect(data / "ingest.db", timeout=10)) as database:
        (number,) = database.execute("SELECT count(*) FROM submission").fetchone()
    return int(number)


@dataclass
class Taken:
    """``waiting`` is the answer of the one that waits; it comes when it is late."""

    port: int
    data: Path
    waiting: Future[requests.Response]

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=TAKEN + 10)

    @contextmanager
    def raw(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=TAKEN + 10) as connection:
            yield connection


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    data = tmp_path_factory.mktemp("admission")
    variables = {
        "FPSERVICE_DATA": str(data),
        "ACOUSTID_GUNICORN_WORKERS": "1",
        "ACOUSTID_GUNICORN_THREADS": "1",
        "ACOUSTID_GUNICORN_KEEPALIVE": "60",
        "ACOUSTID_GUNICORN_MAX_QUEUED": "1",
        "ACOUSTID_GUNICORN_MAX_QUEUE_TIME": str(QUEUE_TIME),
    }
    # Nothing is imported, so that whoever waits for an import waits to the end.
    with Served.start(variables, "--no-worker") as started:
        yield started, data


@pytest.fixture
def taken(served: tuple[Served, Path]) -> Iterator[Taken]:
    url, data = served[0].url, served[1]

    def send(path: str, body: bytes) -> requests.Response:
        return requests.post(url + path, body, headers=FORM, timeout=30)

    with ThreadPoolExecutor(2) as executor:
        before = stored(data)
        taking = executor.submit(send, "/v2/submit", submission(1, TAKEN))
        deadline = time.monotonic() + 20
        while stored(data) == before:
            if taking.done() and taking.result().status_code == 503:
                # Who came before has not quite gone.
                taking = executor.submit(send, "/v2/submit", submission(1, TAKEN))
            assert time.monotonic() < deadline, taking
            time.sleep(0.05)
        waiting = executor.submit(send, "/v2/lookup", lookup())
        time.sleep(0.3)
        assert not waiting.done()
        yield Taken(int(url.rpartition(":")[2]), data, waiting)
        assert taking.result().json()["submissions"][0]["status"] == "pending"


def post(connection: HTTPConnection, path: str, body: bytes) -> tuple[HTTPResponse, bytes]:
    connection.request("POST", path, body, FORM)
    answer = connection.getresponse()
    return answer, answer.read()


def test_who_finds_no_room_is_refused_at_once_and_keeps_the_connection(taken: Taken) -> None:
    with closing(taken.connect()) as connection:
        for _ in range(3):
            started = time.monotonic()
            answer, body = post(connection, "/v2/lookup", lookup())
            assert time.monotonic() - started < 2
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert json.loads(body)["error"]["code"] == 13
            assert not answer.will_close
        socket_before = connection.sock
        taken.waiting.result()
        deadline = time.monotonic() + TAKEN + 10
        while post(connection, "/v2/lookup", lookup())[0].status == 503:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert connection.sock is socket_before


def test_who_waits_in_vain_is_refused(taken: Taken) -> None:
    answer = taken.waiting.result()
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json()["error"]["code"] == 13
    assert QUEUE_TIME - 0.5 < answer.elapsed.total_seconds() < TAKEN


def test_health_pages_are_answered(taken: Taken) -> None:
    with closing(taken.connect()) as connection:
        for path in ("/_health_docker", "/_health_ro", "/_health"):
            connection.request("GET", path)
            answer = connection.getresponse()
            assert answer.status == 200
            assert json.loads(answer.read())["status"] == "ok"
    assert not taken.waiting.done()


def test_a_refused_submission_is_not_stored(taken: Taken) -> None:
    before = stored(taken.data)
    with closing(taken.connect()) as connection:
        assert post(connection, "/v2/submit", submission(2))[0].status == 503
    assert stored(taken.data) == before


def test_a_request_in_pieces_is_answered_at_its_end(taken: Taken) -> None:
    whole = request("/v2/submit", submission(3) + b"&comment=" + b"x" * 200_000)
    with taken.raw() as connection:
        connection.sendall(whole[:60_000])
        connection.settimeout(0.3)
        with pytest.raises(TimeoutError):
            connection.recv(1)
        connection.settimeout(10)
        connection.sendall(whole[60_000:])
        answer = connection.recv(10_000)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Connection: keep-alive" in answer
        connection.sendall(request("/v2/lookup", lookup()))
        assert connection.recv(10_000) == answer


def test_a_body_without_length_ends_the_connection_and_the_answer_arrives(taken: Taken) -> None:
    head = b"POST /v2/lookup HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    with taken.raw() as connection:
        connection.sendall(head)
        time.sleep(0.2)
        for _ in range(50):
            connection.sendall(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            text = answer.read()
    assert text.startswith(b"HTTP/1.1 503 ")
    assert b"Connection: close" in text
    assert b'"code": 13' in text


def test_idle_connections_take_no_thread(served: tuple[Served, Path]) -> None:
    """Whoever connects and says nothing keeps nobody from being served."""
    port = int(served[0].url.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        answer = requests.post(f"{served[0].url}/v2/lookup", lookup(), headers=FORM, timeout=10)
        assert answer.status_code == 200
        assert answer.elapsed.total_seconds() < 5
    finally:
        for one in idle:
            one.close()


def test_the_last_answer_on_a_connection_arrives_whole(served: tuple[Served, Path]) -> None:
    """Also if the client sends more than was read, and is slow to close."""
    port = int(served[0].url.rpartition(":")[2])
    too_large = request("/v2/lookup", b"a=" + b"x" * 3_000_000)
    text, deadline = b"HTTP/1.1 503 ", time.monotonic() + 10
    # The ends of the idle connections may still be on their way.
    while text.startswith(b"HTTP/1.1 503 "):
        assert time.monotonic() < deadline
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(too_large)
            with connection.makefile("rb") as answer:
                text = answer.read()
    assert text.startswith(b"HTTP/1.1 413 ")
    assert b'"code": 19' in text
