"""A body that is cut short or makes no sense is refused whole, never taken for a whole one."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlencode, urlsplit

import pytest
import requests

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint
from tests.served import Served
from tests.shapes import Shape, serving

KEYS = {"client": APPLICATION_KEY, "user": USER_KEY}


@pytest.fixture(scope="module")
def served(shape: Shape, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("broken")
    settings = {"ACOUSTID_GUNICORN_WORKERS": "1"}
    with serving(shape, folder, "--no-worker", "--demo", **settings) as running:
        yield running


def exchange(served: Served, head: str, body: bytes, *, shut: bool = False) -> tuple[int, dict]:
    """Send raw bytes and return status and JSON of the answer."""
    url = urlsplit(served.url)
    with socket.create_connection((url.hostname, url.port), timeout=20) as connection:
        connection.sendall(f"POST /v2/submit HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode() + body)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
            if b"\r\n\r\n" in answer and answer.rstrip().endswith(b"}"):
                break
    top, _, rest = answer.partition(b"\r\n\r\n")
    return int(top.split()[1]), json.loads(rest[rest.index(b"{") : rest.rindex(b"}") + 1])


def form(**more: object) -> bytes:
    entry = {"duration": 30, "fingerprint": fresh_fingerprint(1), "track": "A Long Title"}
    return urlencode({**KEYS, **entry, **more}).encode()


FORM = "Content-Type: application/x-www-form-urlencoded\r\n"


def test_an_upload_that_broke_off_stores_nothing(served: Served) -> None:
    body = form()
    status, answer = exchange(served, f"{FORM}Content-Length: {len(body)}", body[:-6], shut=True)
    assert status == 400
    assert "cut off" in answer["error"]["message"]


def test_a_chunked_body_is_read_whole_or_refused(served: Served) -> None:
    head = FORM + "Transfer-Encoding: chunked"
    body = form()
    status, _ = exchange(served, head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
    assert status == 200
    large = body + b"&x=" + b"y" * 1_100_000
    status, answer = exchange(served, head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large))
    assert (status, answer["error"]["code"]) == (413, 19)
    status, answer = exchange(served, head, b"zz\r\n" + body, shut=True)
    assert status == 400


def test_parts_without_a_name_are_refused(served: Served) -> None:
    part = b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n"
    head = f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(part)}"
    status, _ = exchange(served, head, part)
    assert status == 400


def test_half_a_character_is_replaced(served: Served) -> None:
    text = json.dumps({**KEYS, "duration": 30, "fingerprint": fresh_fingerprint(2)})
    body = (text[:-1] + ', "track": "half \\ud800 of one"}').encode()
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}"
    status, answer = exchange(served, head, body)
    assert (status, answer["status"]) == (200, "ok")


def test_one_entry_may_not_be_a_thousand_submissions(served: Served) -> None:
    mbids = "".join(f"&mbid=00000000-0000-0000-0000-{number:012x}" for number in range(1, 1001))
    body = form() + mbids.encode()
    status, answer = exchange(served, f"{FORM}Content-Length: {len(body)}", body)
    assert (status, answer["error"]["code"]) == (413, 19)


def test_waiting_and_silent_clients_keep_no_lookup_waiting(served: Served) -> None:
    url = urlsplit(served.url)
    silent = [socket.create_connection((url.hostname, url.port)) for _ in range(8)]
    wait = {**KEYS, "duration": 30, "fingerprint": fresh_fingerprint(3), "track": "x", "wait": 4}
    waiters = [
        threading.Thread(target=requests.post, args=(f"{served.url}/v2/submit", wait))
        for _ in range(4)
    ]
    for waiter in waiters:
        waiter.start()
    time.sleep(0.5)
    track = example()
    asked = {**KEYS, "duration": track.duration, "fingerprint": track.fingerprint}
    started = time.monotonic()
    answer = requests.post(f"{served.url}/v2/lookup", data=asked, timeout=20)
    assert time.monotonic() - started < 3
    assert len(answer.json()["results"]) == 1
    for waiter in waiters:
        waiter.join()
    for connection in silent:
        connection.close()


def test_thousands_of_members_of_gzip_are_one_body(served: Served) -> None:
    form = urlencode({"client": "nobody"}).encode()
    answer = requests.post(
        f"{served.url}/v2/lookup",
        gzip.compress(b"") * 20_000 + gzip.compress(form),
        headers={
            "Content-Encoding": "gzip",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        timeout=20,
    )
    assert answer.json()["error"]["code"] == 4
