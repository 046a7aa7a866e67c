"""Answers to requests that nobody has read: error 13, as bytes that lie ready."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from fpservice.api import errors
from fpservice.api.formats import write_json, write_xml

_FIRST_LINE: Final = re.compile(rb"(?:get|head|post) [^ \r\n]+ http/1\.1\r\n")
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*(?=\r\n)")
# Heads that a proxy in front may understand in another way, and wishes that are not granted here.
_ODD: Final = re.compile(rb"[^\r]\n|\r[^\n]|\n[ \t]|\n(?:transfer-encoding|expect|upgrade)")
_CLOSES: Final = re.compile(rb"\r\nconnection:[^\r]*close")
_FORMAT_XML: Final = re.compile(rb"[?&\n]format=xml(?![^& \r\n])")


@dataclass(frozen=True, slots=True)
class Refusal:
    """What to answer, and what to do before and after.

    ``unread`` bytes of the request are still to be taken before it is answered; None if nobody
    knows how many they are. ``keeps`` says whether the connection can be used again.
    """

    answer: bytes
    unread: int | None
    keeps: bool


def refuse(request: bytes, max_body: int, may_keep: bool) -> Refusal:
    """Return the answer to a request that begins with these bytes.

    ``unread`` is a number only if it is certain where the request ends, and if its body has no
    more than ``max_body`` bytes.
    """
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.lower() + b"\r\n"
    unread = _unread(lines, len(body), max_body) if len(head) < len(request) else None
    if lines.startswith(b"head "):
        return Refusal(_LAST_HEAD, unread, keeps=False)
    keeps = may_keep and unread is not None and not _CLOSES.search(lines)
    kept, last = _XML if _wants_xml(request) else _JSON
    return Refusal(kept if keeps else last, unread, keeps)


def _unread(lines: bytes, received: int, max_body: int) -> int | None:
    """Return what is missing of a body, by the lines of the head in small letters."""
    lengths = _LENGTH.findall(lines)
    named = lines.count(b"content-length")
    if not _FIRST_LINE.match(lines) or _ODD.search(lines) or not len(lengths) == named <= 1:
        return None
    length = int(lengths[0]) if lengths else 0
    return length - received if received <= length <= max_body else None


def _wants_xml(request: bytes) -> bool:
    # Fingerprints are long: what is found nowhere need not be looked for with care.
    return b"format=xml" in request and _FORMAT_XML.search(request) is not None


def _answer(body: bytes, content_type: str, connection: str) -> bytes:
    head = (
        f"HTTP/1.1 503 Service Unavailable\r\nConnection: {connection}\r\n"
        f"Content-Type: {content_type}; charset=UTF-8\r\nContent-Length: {len(body)}\r\n"
        f"Retry-After: {errors.RETRY_AFTER}\r\nAccess-Control-Allow-Origin: *\r\n\r\n"
    )
    return head.encode("latin1") + body


_PROBLEM: Final = errors.unavailable()
_BODY: Final = {
    "status": "error",
    "error": {"code": _PROBLEM.code, "message": _PROBLEM.message},
}
_JSON: Final = (
    _answer(write_json(_BODY), "application/json", "keep-alive"),
    _answer(write_json(_BODY), "application/json", "close"),
)
_XML: Final = (
    _answer(write_xml(_BODY), "text/xml", "keep-alive"),
    _answer(write_xml(_BODY), "text/xml", "close"),
)
# For a request that was answered before it was read to its end.
NOTHING_MORE: Final = Refusal(b"", None, keeps=False)
_LAST_HEAD: Final = _JSON[1].removesuffix(write_json(_BODY))
