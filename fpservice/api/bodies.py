"""Request bodies: read with a bound, inflated with a bound, before anything parses them."""

from __future__ import annotations

import io
import zlib
from typing import Final

from flask import Request

from fpservice.api import errors

_CHUNK: Final = 65_536
_GZIP: Final = 16 + zlib.MAX_WBITS


def inflate_body(request: Request, limit: int) -> None:
    """Replace a gzip body by what is in it; both may have ``limit`` bytes.

    Raises:
        ApiError: too large before or after inflating, damaged or cut off.
    """
    if request.headers.get("Content-Encoding", "").strip().lower() != "gzip":
        return
    compressed = _read(request, limit)
    body = _inflate(compressed, limit) if compressed else b""
    environ = request.environ
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_CONTENT_ENCODING", None)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ["wsgi.input_terminated"] = True


def body_limit(limit: int) -> errors.ApiError:
    """Return the error for a body over the limit."""
    return errors.too_large(f"a body may have {limit} bytes")


def _read(request: Request, limit: int) -> bytes:
    if (request.content_length or 0) > limit:
        raise body_limit(limit)
    stream = request.environ["wsgi.input"]
    if request.content_length is not None:
        return bytes(stream.read(request.content_length))
    if not request.environ.get("wsgi.input_terminated"):
        return b""
    body = bytes(stream.read(limit + 1))
    if len(body) > limit:
        raise body_limit(limit)
    return body


def _inflate(compressed: bytes, limit: int) -> bytes:
    """Inflate one or more gzip members, never holding more than ``limit`` and one chunk."""
    body = bytearray()
    rest = compressed
    while rest:
        member = zlib.decompressobj(_GZIP)
        while not member.eof:
            try:
                body += member.decompress(rest, _CHUNK)
            except zlib.error as error:
                raise errors.malformed_request("the gzip body is damaged") from error
            if len(body) > limit:
                raise body_limit(limit)
            if not member.eof and not member.unconsumed_tail:
                raise errors.malformed_request("the gzip body is cut off")
            rest = member.unconsumed_tail
        rest = member.unused_data
    return bytes(body)
