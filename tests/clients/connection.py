"""Requests as the bytes that a client writes, and answers as the bytes that it reads."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

FORM = "application/x-www-form-urlencoded"
# The most impatient clients give up after this time.
TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where a service listens."""

    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address in a URL."""
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        return cls(parts.hostname, parts.port)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.body)


def get(address: Address, target: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Ask for a target, which goes out as it is written: nothing is escaped."""
    return exchange(address, _head("GET", target, headers or {}))


def post(
    address: Address, target: str, body: str | bytes, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a body, which goes out as it is written; a form unless the headers say otherwise."""
    content = body.encode() if isinstance(body, str) else body
    named = {"Content-Type": FORM, "Content-Length": str(len(content))}
    return exchange(address, _head("POST", target, named | dict(headers or {})) + content)


def post_gzip(
    address: Address, target: str, body: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Send a form compressed, as most clients do."""
    compressed = gzip.compress(body.encode())
    return post(address, target, compressed, {"Content-Encoding": "gzip", **(headers or {})})


def exchange(address: Address, request: bytes) -> Answer:
    """Write the bytes of one request and read one answer, all within the clients' time limit."""
    peer = (address.host, address.port)
    with socket.create_connection(peer, timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(request)
        response = HTTPResponse(connection)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())


def _head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    named = {"Host": "api.acoustid.org", **headers}
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {named[name]}" for name in named)]
    return "\r\n".join([*lines, "", ""]).encode("ascii")
