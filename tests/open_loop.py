"""Sends requests at a given rate, however fast they are answered, over many real sockets.

One thread and one selector: a request costs the generator some 50 µs, so that it is not what is
measured. Times are counted from when a request was due, not from when it could be sent.
"""

from __future__ import annotations

import json
import random
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

_CHUNK: Final = 262_144
CLOSE: Final = b"Connection: close\r\n"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a request came to: ``due`` and ``seconds`` until it was answered, both in seconds.

    ``number`` is that of the request in its load. ``status`` is 0 if there was no answer;
    ``problem`` says why, or what the answer lacks.
    """

    number: int
    due: float
    seconds: float
    status: int
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: ``requests`` in turn, ``rate`` a second, for ``seconds``.

    Without a rate each connection sends its next request as soon as the last one is answered.
    A ``fresh`` share of the requests come over connections of their own, which end with them.
    """

    requests: Sequence[bytes]
    rate: float | None
    seconds: float
    connections: int
    fresh: float = 0.0
    time_limit: float = 10.0


def percentile(answers: Sequence[Answer], share: float) -> float:
    """Return the time in seconds within which this share of them came, in percent."""
    return float(np.percentile([one.seconds for one in answers], share)) if answers else 0.0


def request(path: str, body: bytes) -> bytes:
    """Return the bytes of a POST of a form."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


@dataclass(slots=True, eq=False)
class _Connection:
    socket: socket.socket
    number: int = 0
    due: float = 0.0
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))
    received: bytearray = field(default_factory=bytearray)
    # How long the answer is, as soon as its head is there.
    wanted: int = -1
    fresh: bool = False


class OpenLoop:
    """One run of a load against a port of 127.0.0.1."""

    def __init__(
        self, port: int, load: Load, each_second: Callable[[], object] = lambda: None
    ) -> None:
        """``each_second`` is called from the loop, and must be quick."""
        self._port = port
        self._load = load
        self._each_second = each_second
        self._selector = selectors.DefaultSelector()
        self._idle: list[_Connection] = []
        self._busy: set[_Connection] = set()
        self._behind: deque[float] = deque()
        self._sent = 0
        self._parsed: dict[bytes, str | None] = {}
        self._begun = 0.0
        self.answers: list[Answer] = []

    def run(self) -> list[Answer]:
        """Send it all, wait for the last answers, and return what came of each request."""
        self._begun = due = time.perf_counter()
        end, tick = due + self._load.seconds, due + 1
        while (now := time.perf_counter()) < end or self._busy or self._behind:
            due = self._fall_due(due, min(now, end))
            self._send_what_is_due()
            for key, events in self._selector.select(0.001):
                self._serve(key.data, events)
            if now > tick:
                tick += 1
                self._each_second()
                self._give_up_on_the_late(now)
        for connection in self._idle:
            connection.socket.close()
        self._selector.close()
        return self.answers

    def _fall_due(self, due: float, until: float) -> float:
        """Note what falls due until then; return when the next one does."""
        if self._load.rate is None:
            free = self._load.connections - len(self._busy) - len(self._behind)
            if until < self._begun + self._load.seconds:
                self._behind.extend([until] * free)
            return due
        while due <= until:
            self._behind.append(due)
            due += random.expovariate(self._load.rate)
        return due

    def _send_what_is_due(self) -> None:
        while self._behind and len(self._busy) < self._load.connections:
            number = self._sent % len(self._load.requests)
            self._sent += 1
            data = self._load.requests[number]
            fresh = random.random() < self._load.fresh
            if fresh:
                data = data.replace(b"\r\n", b"\r\n" + CLOSE, 1)
            connection = self._connection(fresh)
            connection.number = number
            connection.due = self._behind.popleft()
            connection.unsent = memoryview(data)
            self._busy.add(connection)
            self._serve(connection, selectors.EVENT_WRITE)

    def _connection(self, fresh: bool) -> _Connection:
        while self._idle and not fresh:
            connection = self._idle.pop()
            if _is_open(connection.socket):
                return connection
            self._close(connection)
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(("127.0.0.1", self._port))
        connection = _Connection(sock, fresh=fresh)
        self._selector.register(sock, selectors.EVENT_WRITE | selectors.EVENT_READ, connection)
        return connection

    def _serve(self, connection: _Connection, events: int) -> None:
        try:
            if connection.unsent and events & selectors.EVENT_WRITE:
                self._send(connection)
            if events & selectors.EVENT_READ:
                self._receive(connection)
        except BlockingIOError:
            return
        except OSError as error:
            self._done(connection, 0, type(error).__name__, keep=False)

    def _send(self, connection: _Connection) -> None:
        sent = connection.socket.send(connection.unsent)
        connection.unsent = connection.unsent[sent:]
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.unsent else 0)
        if self._selector.get_key(connection.socket).events != wanted:
            self._selector.modify(connection.socket, wanted, connection)

    def _receive(self, connection: _Connection) -> None:
        data = connection.socket.recv(_CHUNK)
        if not data:
            if connection in self._busy:
                self._done(connection, 0, "closed without an answer", keep=False)
            else:
                self._idle.remove(connection)
                self._close(connection)
            return
        received = connection.received
        received += data
        if connection.wanted < 0:
            end = received.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(received[:end]).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            connection.wanted = end + 4 + length
        if len(received) >= connection.wanted:
            self._finish(connection)

    def _finish(self, connection: _Connection) -> None:
        head, _, body = bytes(connection.received).partition(b"\r\n\r\n")
        status = int(head[9:12])
        problem = None
        if status != 200:
            if body not in self._parsed:
                self._parsed[body] = _problem(status, body)
            problem = self._parsed[body]
            if problem is None and status in (429, 503) and b"\r\nRetry-After: " not in head:
                problem = "no Retry-After"
        keep = b"\r\nConnection: close" not in head and not connection.fresh
        # What is not sent when the answer comes is not wanted any more.
        self._done(connection, status, problem, keep=keep and not connection.unsent)

    def _done(
        self, connection: _Connection, status: int, problem: str | None, *, keep: bool
    ) -> None:
        taken = time.perf_counter() - connection.due
        due = connection.due - self._begun
        self.answers.append(Answer(connection.number, due, taken, status, problem))
        self._busy.discard(connection)
        if keep:
            connection.received.clear()
            connection.wanted = -1
            self._idle.append(connection)
        else:
            self._close(connection)

    def _close(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()

    def _give_up_on_the_late(self, now: float) -> None:
        for one in [c for c in self._busy if now - c.due > self._load.time_limit]:
            self._done(one, 0, "no answer in time", keep=False)


def _is_open(sock: socket.socket) -> bool:
    """Whether the other side has not closed it, as far as is known here."""
    try:
        return bool(sock.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return True
    except OSError:
        return False


def _problem(status: int, body: bytes) -> str | None:
    """Say what is wrong with the body of an error answer."""
    try:
        answer: dict[str, Any] = json.loads(body)
        if answer["status"] == "error" and answer["error"]["code"] and answer["error"]["message"]:
            return None
    except (ValueError, KeyError, TypeError):
        pass
    return f"{status} with a body that is no error: {body[:100]!r}"
