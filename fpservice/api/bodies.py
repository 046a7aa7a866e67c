"""Request bodies: read with a bound, inflated with a bound, before anything parses them."""

from __future__ import annotations

import zlib
from typing import Final

from flask import Request

from fpservice.api import errors

_CHUNK: Final = 65_536
_PART: Final = 4_096
_GZIP: Final = 16 + zlib.MAX_WBITS


def read_body(request: Request, limit: int) -> bytes:
    """Return the whole body, inflated if it is gzip.

    What parses a stream takes its end for the end of the body; a body that is cut short or too long
    must not be taken for a whole one. ``limit`` bytes are allowed as sent and as inflated.

    Raises:
        ApiError: too large before or after inflating, damaged or cut off.
    """
    body = _read(request, limit)
    coding = request.environ.get("HTTP_CONTENT_ENCODING", "")
    return _inflate(body, limit) if body and coding.strip().lower() == "gzip" else body


def body_limit(limit: int) -> errors.ApiError:
    """Return the error for a body over the limit."""
    return errors.too_large(f"a body may have {limit} bytes")


def _read(request: Request, limit: int) -> bytes:
    announced = request.content_length
    if (announced or 0) > limit:
        raise body_limit(limit)
    if announced is None and not request.environ.get("wsgi.input_terminated"):
        return b""
    stream = request.environ["wsgi.input"]
    try:
        body = bytes(stream.read(limit + 1 if announced is None else announced))
    except Exception as error:
        # Servers have errors of their own kinds for chunks that make no sense.
        raise errors.malformed_request("the body cannot be read") from error
    if len(body) > limit:
        raise body_limit(limit)
    if len(body) < (announced or 0):
        raise errors.malformed_request("the body is cut off")
    return body


def _inflate(compressed: bytes, limit: int) -> bytes:
    """Inflate one or more gzip members, never holding more than ``limit`` and one chunk."""
    body = bytearray()
    place = 0
    while place < len(compressed):
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            # In parts: what is behind a member is copied, and there may be thousands of them.
            part = compressed[place : place + _PART]
            if not part:
                raise errors.malformed_request("the gzip body is cut off")
            try:
                body += member.decompress(part, _CHUNK)
            except zlib.error as error:
                raise errors.malformed_request("the gzip body is damaged") from error
            if len(body) > limit:
                raise body_limit(limit)
            left = member.unused_data if member.eof else member.unconsumed_tail
            place += len(part) - len(left)
    return bytes(body)
