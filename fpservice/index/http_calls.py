"""What can be asked of one fpindex server about one index: a call is a request and its answer."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from fpservice.index.http_node import Answer, HttpNode, NodeFailedError
from fpservice.index.wire import Body, Form, encode
from fpservice.index.wire_answers import (
    INDEX_NOT_FOUND,
    IndexInfo,
    read_error,
    read_generation,
    read_results,
    read_version,
)
from fpservice.index.wire_requests import SearchRequest, UpdateRequest
from fpservice.interfaces import Hit

_FORM: Final = Form.MSGPACK


class IndexMissingError(Exception):
    """The server answers, and has no index of that name."""


class UpdateConflictError(Exception):
    """The index is not at the version that an update expected."""


class HttpCalls:
    """Calls about the index ``name``; each has so many seconds.

    All raise NodeFailedError, WireError if the answer cannot be read, and IndexMissingError.
    """

    def __init__(self, name: str) -> None:
        """Ask nobody yet."""
        self._path = "/" + quote(name, safe="")

    def search(self, node: HttpNode, request: SearchRequest, seconds: float) -> list[Hit]:
        """Return hits, best first."""
        body = _packed(request.body())
        answer = node.ask("POST", f"{self._path}/_search", body, seconds)
        return read_results(_FORM, _checked(answer), request.limit)

    def update(self, node: HttpNode, request: UpdateRequest, seconds: float) -> int:
        """Return the version that the update led to.

        Raises:
            UpdateConflictError: the index is at another version than expected.
        """
        body = _packed(request.body())
        answer = node.ask("POST", f"{self._path}/_update", body, seconds)
        if answer.status == 409:
            raise UpdateConflictError(read_error(_FORM, answer.body))
        return read_version(_FORM, _checked(answer))

    def info(self, node: HttpNode, seconds: float) -> IndexInfo:
        """Return what the index says of itself."""
        return IndexInfo.read(_FORM, _checked(node.ask("GET", self._path, None, seconds)))

    def generation(self, node: HttpNode, seconds: float) -> int:
        """Return how many indexes of this name there have been."""
        answer = node.ask("GET", f"{self._path}/_status", None, seconds)
        return read_generation(_FORM, _checked(answer))

    def health(self, node: HttpNode, seconds: float) -> None:
        """Return if the index can be searched."""
        _checked(node.ask("GET", f"{self._path}/_health", None, seconds))

    def has(self, node: HttpNode, fingerprint_id: int, seconds: float) -> bool:
        """Return whether the index has a fingerprint."""
        answer = node.ask("GET", f"{self._path}/{fingerprint_id}", None, seconds)
        if answer.status == 404 and read_error(_FORM, answer.body) != INDEX_NOT_FOUND:
            return False
        _checked(answer)
        return True

    def create(self, node: HttpNode, seconds: float) -> None:
        """Make the index if it is not there."""
        _checked(node.ask("PUT", self._path, _packed({}), seconds))


def _packed(body: Body) -> bytes:
    return encode(_FORM, body)


def _checked(answer: Answer) -> bytes:
    """Return the body of an answer that is no error."""
    if answer.status < 300:
        return answer.body
    name = read_error(_FORM, answer.body)
    if answer.status == 404 and name in ("", INDEX_NOT_FOUND):
        raise IndexMissingError
    raise NodeFailedError(f"the index answered with status {answer.status} {name}".rstrip())
