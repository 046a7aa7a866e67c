"""Sends a case over a socket, byte for byte as it was recorded."""

from __future__ import annotations

import contextlib
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode

from tests.recorded.case import Case, Pairs

TIMEOUT_SECONDS = 30.0
BOUNDARY = "----------recorded-answers-9b0c6f6e"


class UnreadableAnswerError(Exception):
    """The server gave no answer, or one that is not HTTP."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server sent; names of ``headers`` are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def content_type(self) -> str:
        """The content type as it stands in the header."""
        return self.headers.get("content-type", "")

    @property
    def text(self) -> str:
        """The body, with marks in place of what is not UTF-8."""
        return self.content.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Server:
    """Where a server listens."""

    host: str
    port: int

    def ask(self, case: Case) -> Answer:
        """Send the request of a case and return the answer.

        Raises:
            UnreadableAnswerError: there is none.
        """
        connection = HTTPConnection(self.host, self.port, timeout=TIMEOUT_SECONDS)
        try:
            _send(connection, case)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())
        except Exception as error:
            raise UnreadableAnswerError(f"{type(error).__name__}: {error}") from error
        finally:
            connection.close()


def target(case: Case) -> str:
    """Return path and query as they stand in the request line."""
    query = urlencode(case.query) if case.raw_query is None else case.raw_query
    return f"{case.path}?{query}" if query or case.raw_query is not None else case.path


def body(case: Case) -> bytes | None:
    """Return the body as it is sent."""
    if case.encoding == "raw" or case.form is None:
        return case.raw_body
    if case.encoding == "multipart":
        return _multipart(case.form)
    form = urlencode(case.form).encode("ascii")
    return gzip.compress(form, mtime=0) if case.encoding == "gzip" else form


def headers(case: Case, content: bytes | None) -> dict[str, str]:
    """Return the recorded headers and those that go with the body."""
    wanted = {"User-Agent": "recorded-answers/1", "Accept": "*/*"}
    if case.form is not None and case.encoding != "raw":
        wanted["Content-Type"] = "application/x-www-form-urlencoded"
        if case.encoding == "multipart":
            wanted["Content-Type"] = f"multipart/form-data; boundary={BOUNDARY}"
        if case.encoding == "gzip":
            wanted["Content-Encoding"] = "gzip"
    if content is not None or case.method in ("POST", "PUT", "PATCH"):
        wanted["Content-Length"] = str(len(content or b""))
    recorded = {name.lower() for name, _ in case.headers}
    own = {name: value for name, value in wanted.items() if name.lower() not in recorded}
    return own | dict(case.headers)


def _send(connection: HTTPConnection, case: Case) -> None:
    content = body(case)
    connection.putrequest(case.method, target(case), skip_accept_encoding=True)
    for name, value in headers(case, content).items():
        connection.putheader(name, value)
    connection.endheaders()
    if content is not None:
        # A server may answer before it has read a body that is too large.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.send(content)


def _multipart(form: Pairs) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in form
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()
