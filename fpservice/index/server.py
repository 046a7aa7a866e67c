"""The embedded index behind the fpindex HTTP interface: a WSGI application.

Plain WSGI: the interface wants answers without a content type, and needs nothing of a framework.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fpservice.domain.errors import IndexLockedError, IndexUnavailableError
from fpservice.index.record import MAX_ID, TermsOnly
from fpservice.index.served import metrics
from fpservice.index.served.counters import SharedCounters
from fpservice.index.served.folder import ServedFolder
from fpservice.index.served.index import ServedIndex
from fpservice.index.served.refusal import RefusalError, refusal
from fpservice.index.server_request import ServerRequest
from fpservice.index.wire import Body, Form, InvalidIdError, WireError, encode
from fpservice.index.wire_answers import results_body
from fpservice.index.wire_requests import (
    CreateRequest,
    SearchRequest,
    UpdateRequest,
    read_expect_exists,
    read_hashes,
)
from fpservice.interfaces import IndexDelete

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_log: Final = logging.getLogger(__name__)
_MEDIA_TYPES: Final = {
    Form.JSON: "application/json; charset=UTF-8",
    Form.MSGPACK: Form.MSGPACK.value,
}
_READS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``media_type`` None: it has none. ``length`` None: it is not known before."""

    parts: Iterable[bytes]
    length: int | None
    media_type: str | None = None
    status: int = 200


Handler = Callable[[ServedIndex, ServerRequest], Body]


class IndexServer:
    """Answers requests about the indexes in a directory."""

    def __init__(self, root: Path, counters: SharedCounters) -> None:
        """``counters`` have the names of ``metrics.COUNTERS``."""
        self._folder = ServedFolder(root)
        self._counters = counters
        self._of_index: dict[str, Handler] = {
            "GET": lambda index, request: index.info().body(),
            "PUT": self._create,
            "DELETE": self._delete,
        }
        self._of_word: dict[tuple[str, str], Handler] = {
            ("POST", "_search"): self._search,
            ("POST", "_update"): self._update,
            ("GET", "_status"): lambda index, request: index.status(),
        }
        self._of_fingerprint: dict[str, Callable[[ServedIndex, ServerRequest, int], Body]] = {
            "GET": lambda index, request, id: {"version": index.version_of(id)},
            "PUT": self._put_fingerprint,
            "DELETE": self._delete_fingerprint,
        }

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = ServerRequest(environ)
        reply = self._reply(request)
        headers = []
        if request.method == "HEAD":
            reply = Reply([], None, None, reply.status)
        if reply.media_type is not None:
            headers.append(("Content-Type", reply.media_type))
        if reply.length is not None:
            headers.append(("Content-Length", str(reply.length)))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return reply.parts

    def _reply(self, request: ServerRequest) -> Reply:
        try:
            return self._answer(request)
        except RefusalError as error:
            refused = error
        except InvalidIdError:
            refused = refusal("InvalidFingerprintId")
        except WireError:
            refused = refusal("BadRequest")
        except IndexLockedError:
            refused = refusal("IndexBusy")
        except (IndexUnavailableError, OSError) as error:
            _log.warning("%s %s: %s", request.method, request.path, error)
            refused = refusal("Unavailable")
        except Exception:
            _log.exception("%s %s", request.method, request.path)
            refused = refusal("InternalError")
        self._counters.add(metrics.ERRORS)
        return _replied({"error": refused.name}, request, refused.status)

    def _answer(self, request: ServerRequest) -> Reply:
        read = request.method in _READS
        match request.path.split("/")[1:]:
            case ["_health"] if read:
                return _text("OK\n")
            case ["_metrics"] if read:
                return _text(metrics.exposition(self._counters, self._folder), metrics.CONTENT_TYPE)
            case [name] if name and (read or request.method in self._of_index):
                handler = self._of_index["GET" if read else request.method]
                return _replied(handler(self._folder.index(name), request), request)
            case [name, word]:
                return self._about(self._folder.index(name), word, request)
        raise refusal("NotFound")

    def _about(self, index: ServedIndex, word: str, request: ServerRequest) -> Reply:
        method = "GET" if request.method in _READS else request.method
        if (method, word) == ("GET", "_health"):
            if not index.exists():
                raise refusal("IndexNotFound")
            return _text("OK\n")
        if (method, word) == ("GET", "_snapshot"):
            return Reply(index.archive(), None, "application/x-tar")
        handler = self._of_word.get((method, word))
        if handler is not None:
            return _replied(handler(index, request), request)
        of_fingerprint = self._of_fingerprint.get(method)
        if of_fingerprint is None:
            raise refusal("NotFound")
        return _replied(of_fingerprint(index, request, _fingerprint_id(word)), request)

    def _create(self, index: ServedIndex, request: ServerRequest) -> Body:
        wanted = request.read_optional(CreateRequest.read) or CreateRequest()
        self._folder.check_room(index.name)
        state = index.create(wanted)
        return {"version": state.version, "ready": True, "generation": state.generation}

    def _delete(self, index: ServedIndex, request: ServerRequest) -> Body:
        expect_exists = request.read_optional(read_expect_exists) or False
        return {"deleted": index.delete(expect_exists=expect_exists)}

    def _search(self, index: ServedIndex, request: ServerRequest) -> Body:
        hits = index.search(request.read(SearchRequest.read))
        self._counters.add(metrics.SEARCHES)
        self._counters.add(metrics.HITS, len(hits))
        return results_body(hits)

    def _update(self, index: ServedIndex, request: ServerRequest) -> Body:
        return {"version": self._updated(index, request.read(UpdateRequest.read))}

    def _updated(self, index: ServedIndex, update: UpdateRequest) -> int:
        version = index.update(update)
        self._counters.add(metrics.UPDATES)
        self._counters.add(metrics.CHANGES, len(update.changes))
        return version

    def _put_fingerprint(self, index: ServedIndex, request: ServerRequest, id: int) -> Body:
        hashes = request.read(read_hashes)
        self._updated(index, UpdateRequest([TermsOnly(_not_zero(id), hashes)]))
        return {}

    def _delete_fingerprint(self, index: ServedIndex, request: ServerRequest, id: int) -> Body:
        self._updated(index, UpdateRequest([IndexDelete(_not_zero(id))]))
        return {}


def _fingerprint_id(word: str) -> int:
    if not re.fullmatch("[0-9]{1,10}", word) or int(word) > MAX_ID:
        raise refusal("BadRequest")
    return int(word)


def _not_zero(fingerprint_id: int) -> int:
    if not fingerprint_id:
        raise refusal("InvalidFingerprintId")
    return fingerprint_id


def _replied(body: Body, request: ServerRequest, status: int = 200) -> Reply:
    data = encode(request.answer_form, body)
    return Reply([data], len(data), _MEDIA_TYPES[request.answer_form], status)


def _text(text: str, media_type: str | None = None) -> Reply:
    data = text.encode()
    return Reply([data], len(data), media_type)
