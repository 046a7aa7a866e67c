"""One fpindex server: connections that are kept, time limits, and whether it can be relied on."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

import urllib3
from urllib3.exceptions import HTTPError, ProtocolError
from urllib3.util import Timeout, make_headers, parse_url

from fpservice.index.http_deadline import DeadlineConnection
from fpservice.index.wire import Form
from fpservice.interfaces import Metrics
from fpservice.providers.circuit_breaker import CircuitBreaker

MAX_ANSWER: Final = 1 << 20
_CONNECT_SECONDS: Final = 1.0
_PROBE_SECONDS: Final = 0.5
_KEPT_CONNECTIONS: Final = 8
_READ_BYTES: Final = 1 << 16


class NodeFailedError(Exception):
    """A server did not answer as one should; ``lost`` if a connection broke before any answer."""

    def __init__(self, message: str, *, lost: bool = False) -> None:
        """Say what happened, without secrets."""
        super().__init__(message)
        self.lost = lost


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said; the status is below 500, the body at most 1 MB of MessagePack."""

    status: int
    body: bytes


class _Connections:
    """What belongs to one process: sockets must not be shared after a fork."""

    def __init__(self, url: str, failures: int, pause: float) -> None:
        self.process = os.getpid()
        self.pool = urllib3.connection_from_url(url, maxsize=_KEPT_CONNECTIONS)
        if self.pool.scheme == "http":
            self.pool.ConnectionCls = DeadlineConnection
        self.breaker = CircuitBreaker(failures, pause)
        self.suspect = False


class HttpNode:
    """A server by its base URL. Any number of threads, and of forked processes, may use it."""

    def __init__(
        self,
        url: str,
        number: int,
        metrics: Metrics,
        *,
        patience: float,
        failures: int,
        pause: float,
    ) -> None:
        """Connect to nothing yet.

        Args:
            url: ``http://host:port``, perhaps with user and password, perhaps with a path.
            number: what the node is called in metrics; addresses are not told there.
            metrics: counts failures, and gauges whether the node is left alone.
            patience: a request that had less than half of these seconds says nothing of the node.
            failures: so many in a row, and it is left alone
            pause: for so many seconds.
        """
        parts = parse_url(url)
        self.name = parts.netloc or url
        self._url = parts._replace(auth=None, path=None, query=None, fragment=None).url
        self._path = (parts.path or "").rstrip("/")
        self._headers = {"Content-Type": Form.MSGPACK.value, "Accept": Form.MSGPACK.value}
        if parts.auth:
            self._headers |= make_headers(basic_auth=unquote(parts.auth))
        self._number = str(number)
        self._metrics = metrics
        self._patience = patience
        self._failures = failures
        self._pause = pause
        self._own: _Connections | None = None

    def is_usable(self) -> bool:
        """Return whether to ask this server now.

        One that failed the last time is asked first how it is, which takes half a second at most;
        one that failed several times is left alone for a while.
        """
        own = self._connections()
        if not own.breaker.lets_through():
            return False
        if own.suspect:
            try:
                self._exchange(own, "GET", "/_health", None, _PROBE_SECONDS)
            except NodeFailedError:
                self._note_failure(own)
                return False
        return True

    def ask(self, method: str, path: str, body: bytes | None, seconds: float) -> Answer:
        """Return what the server says to one request, within ``seconds``.

        Raises:
            NodeFailedError: it said nothing, nothing in time, too much, or that it cannot.
        """
        own = self._connections()
        try:
            answer = self._exchange(own, method, path, body, seconds)
        except NodeFailedError:
            if seconds >= self._patience / 2:
                self._note_failure(own)
            raise
        own.suspect = False
        own.breaker.succeeded()
        self._metrics.gauge("index.node_left_alone", 0, node=self._number)
        return answer

    def blame(self) -> None:
        """Count an answer that could not be read as a failure."""
        self._note_failure(self._connections())

    def close(self) -> None:
        """Let go of the connections."""
        if self._own is not None and self._own.process == os.getpid():
            self._own.pool.close()
        self._own = None

    def _connections(self) -> _Connections:
        own = self._own
        if own is None or own.process != os.getpid():
            own = self._own = _Connections(self._url, self._failures, self._pause)
        return own

    def _note_failure(self, own: _Connections) -> None:
        own.suspect = True
        self._metrics.count("index.node_failures", node=self._number)
        if own.breaker.failed():
            self._metrics.gauge("index.node_left_alone", 1, node=self._number)

    def _exchange(
        self, own: _Connections, method: str, path: str, body: bytes | None, seconds: float
    ) -> Answer:
        deadline = time.monotonic() + seconds
        try:
            response = own.pool.urlopen(
                method,
                self._path + path,
                body,
                self._headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                timeout=Timeout(connect=min(_CONNECT_SECONDS, seconds), read=seconds),
                preload_content=False,
                decode_content=False,
            )
        except HTTPError as error:
            lost = isinstance(error, ProtocolError)
            raise NodeFailedError(self._reason(error), lost=lost) from error
        try:
            answer = Answer(response.status, self._read(response, deadline))
        except HTTPError as error:
            response.close()
            raise NodeFailedError(self._reason(error)) from error
        if answer.status >= 500:
            raise NodeFailedError(f"{self.name} answered with status {answer.status}")
        return answer

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """Return the body; over TLS too, each wait for a part of it is cut to the time left."""
        parts: list[bytes] = []
        size = 0
        connection = response.connection
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or size > MAX_ANSWER:
                response.close()
                raise NodeFailedError(f"the answer of {self.name} is too long or too slow")
            # The connection lets go of its socket when the server said that it will close it.
            socket = getattr(connection, "sock", None)
            if socket is not None:
                socket.settimeout(left)
            part = response.read1(_READ_BYTES)
            if not part:
                response.release_conn()
                return b"".join(parts)
            parts.append(part)
            size += len(part)

    def _reason(self, error: HTTPError) -> str:
        # Messages of the library can repeat the URL; the class says enough.
        return f"{self.name}: {type(error).__name__}"
