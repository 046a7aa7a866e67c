"""The client against servers that misbehave: an error in time, and never an empty answer."""

from __future__ import annotations

import socket
import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgpack
import numpy as np
import pytest

from fpservice.domain.errors import IndexUnavailableError
from fpservice.index.http import HttpIndex
from fpservice.interfaces import Hit
from fpservice.observability.metrics import NullMetrics

TERMS = np.array([16, 32, 48], dtype=np.uint32)
Behaviour = Callable[[socket.socket, int], None]


@contextmanager
def serving(behave: Behaviour, heard: list[bytes] | None = None) -> Iterator[str]:
    """Yield the URL of a server that reads requests and then does as it likes."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    stopped = threading.Event()

    def converse(connection: socket.socket) -> None:
        number = 0
        with connection:
            connection.settimeout(5)
            while not stopped.is_set():
                try:
                    request = _request(connection)
                    if not request:
                        return
                    if heard is not None:
                        heard.append(request)
                    behave(connection, number)
                except OSError:
                    return
                number += 1

    def accept() -> None:
        while not stopped.is_set():
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                continue
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stopped.set()
        thread.join()
        listener.close()


def _request(connection: socket.socket) -> bytes:
    """Read a request with its body; return it, b"" at the end."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    wanted = int(lengths[0].split(b":")[1]) if lengths else 0
    while len(body) < wanted:
        body += connection.recv(65536)
    return data


def answer(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    return f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\n\r\n".encode() + body


INFO = {
    "v": 1,
    "m": {},
    "s": {"min_doc_id": 0, "max_doc_id": 0, "num_segments": 0, "num_docs": 0},
}
GOOD = answer(msgpack.packb({**INFO, "r": [{"i": 5, "s": 3}]}))


def search(url: str, *others: str, timeout: float = 2.0, limit: int = 10) -> list[Hit]:
    index = HttpIndex([url, *others], "main", NullMetrics(), timeout=0.5, pause=0.2)
    try:
        return index.search(TERMS, limit=limit, timeout=timeout)
    finally:
        index.close()


def drip(connection: socket.socket, number: int) -> None:
    connection.sendall(answer(b"", length=1000))
    for _ in range(100):
        time.sleep(0.05)
        connection.sendall(b"x")


def drip_headers(connection: socket.socket, number: int) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for _ in range(100):
        time.sleep(0.05)
        connection.sendall(b"X-Weather: fine\r\n")


def endless(connection: socket.socket, number: int) -> None:
    connection.sendall(answer(b"", length=1 << 40))
    while True:
        connection.sendall(bytes(1 << 16))


def saying(data: bytes) -> Behaviour:
    return lambda connection, number: connection.sendall(data)


def hang_up(connection: socket.socket, number: int) -> None:
    connection.shutdown(socket.SHUT_RDWR)
    raise ConnectionError


def reset(connection: socket.socket, number: int) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raise ConnectionError


MISBEHAVIOUR: dict[str, Behaviour] = {
    "says nothing": lambda connection, number: time.sleep(3),
    "hangs up": hang_up,
    "resets": reset,
    "drips": drip,
    "drips headers": drip_headers,
    "does not end": endless,
    "speaks another protocol": saying(b"220 smtp ready\r\n"),
    "is broken off": lambda connection, number: (
        connection.sendall(answer(b"abc", length=50)),
        hang_up(connection, number),
    )[0],
    "is loading": saying(answer(b"", "503 Service Unavailable")),
    "fails": saying(answer(b"oops", "500 Internal Server Error")),
    "redirects": saying(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"),
    "wants a password": saying(answer(b"", "401 Unauthorized")),
    "is empty": saying(answer(b"")),
    "is HTML": saying(answer(b"<html></html>")),
    "lacks results": saying(answer(msgpack.packb(INFO))),
    "has no list": saying(answer(msgpack.packb({**INFO, "r": {}}))),
    "has bad hits": saying(answer(msgpack.packb({**INFO, "r": [{"i": 0, "s": 3}]}))),
    "has too many": saying(answer(msgpack.packb({**INFO, "r": [{"i": 1, "s": 3}] * 11}))),
}


@pytest.mark.parametrize("behave", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR.keys())
def test_misbehaviour_is_an_error_in_time(behave: Behaviour) -> None:
    with serving(behave) as url:
        started = time.monotonic()
        with pytest.raises(IndexUnavailableError):
            search(url)
        assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("behave", MISBEHAVIOUR.values(), ids=MISBEHAVIOUR.keys())
def test_another_server_stands_in(behave: Behaviour) -> None:
    with serving(behave) as bad, serving(saying(GOOD)) as good:
        assert search(bad, good) == [Hit(5, 3)]


def test_a_connection_that_was_closed_in_the_meantime_is_replaced() -> None:
    def twice_then_hang_up(connection: socket.socket, number: int) -> None:
        connection.sendall(GOOD) if number < 2 else hang_up(connection, number)

    with serving(twice_then_hang_up) as url:
        index = HttpIndex([url], "main", NullMetrics())
        for _ in range(10):
            assert index.search(TERMS, limit=10) == [Hit(5, 3)]
        index.close()


def test_user_and_password_are_sent_and_never_shown() -> None:
    heard: list[bytes] = []
    with serving(saying(GOOD), heard) as url:
        secret = url.replace("//", "//me:sec%3Dret@") + "/base/"
        index = HttpIndex([secret], "main", NullMetrics())
        assert index.search(TERMS, limit=10) == [Hit(5, 3)]
        index.close()
    index = HttpIndex([secret], "main", NullMetrics())
    with pytest.raises(IndexUnavailableError) as caught:
        index.search(TERMS, limit=10)
    index.close()
    assert "sec" not in str(caught.value)
    assert heard[-1].startswith(b"POST /base/main/_search HTTP/1.1")
    assert b64encode(b"me:sec=ret") in heard[-1]


def test_nothing_is_asked_without_terms_or_limit() -> None:
    with serving(hang_up) as url:
        assert search(url, limit=0) == []
        index = HttpIndex([url], "main", NullMetrics())
        assert index.search(TERMS[:0], limit=10) == []
        index.close()


def test_a_missing_index_is_empty_only_if_it_should_be() -> None:
    missing = saying(answer(msgpack.packb({"e": "IndexNotFound"}), "404 Not Found"))
    with serving(missing) as url:
        fresh = HttpIndex([url], "main", NullMetrics(), is_fresh=lambda: True)
        wiped = HttpIndex([url], "main", NullMetrics(), is_fresh=lambda: False)
        assert fresh.search(TERMS, limit=10) == []
        fresh.ping()
        for call in (lambda: wiped.search(TERMS, limit=10), wiped.ping):
            with pytest.raises(IndexUnavailableError, match="has no index main"):
                call()
        for index in (fresh, wiped):
            index.close()
