"""What happens around every request, whatever it asks for."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from flask import Flask, Request, Response, g, request

from fpservice.api.context import services
from fpservice.api.formats import write_json
from fpservice.api.rate_limit import add_rate_limit_headers
from fpservice.observability.logs import request_id

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_REQUEST_ID: Final = re.compile(r"[0-9A-Za-z._:-]{1,64}")
# W3C Trace Context: version, trace id, parent id, flags.
_TRACE_PARENT: Final = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_SLASHES: Final = re.compile(r"/{2,}")
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, X-Request-Id",
    "Access-Control-Max-Age": "86400",
}


class TolerantPaths:
    """Takes ``//v2/lookup/`` for ``/v2/lookup``.

    A redirect would do the same for a browser, but turns the POST of some clients into a GET.
    """

    def __init__(self, application: WSGIApplication) -> None:
        """Wrap a WSGI application."""
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request."""
        path = environ.get("PATH_INFO", "")
        if "//" in path or path.endswith("/"):
            environ["PATH_INFO"] = _SLASHES.sub("/", path).rstrip("/") or "/"
        return self._application(environ, start_response)


def install(app: Flask) -> None:
    """Add what happens before and after each request."""
    app.before_request(_start_clock)
    app.after_request(_finish)
    app.teardown_request(_forget_trace)


def _start_clock() -> None:
    g.started = time.monotonic()
    request_id.set(_trace(request.environ))


def _forget_trace(error: BaseException | None) -> None:
    """Let the thread's next lines in the log not carry the id of this request."""
    request_id.set(None)


def _trace(environ: WSGIEnvironment) -> str:
    """Return the id by which the caller knows the request, or a new one."""
    named: str = environ.get("HTTP_X_REQUEST_ID", "")
    if _REQUEST_ID.fullmatch(named):
        return named
    parent = _TRACE_PARENT.fullmatch(environ.get("HTTP_TRACEPARENT", ""))
    return parent[1] if parent else f"{random.getrandbits(64):016x}"


def _finish(response: Response) -> Response:
    # Nobody else sets them; adding is quicker than looking whether they are there.
    response.headers.add("Access-Control-Allow-Origin", "*")
    response.headers.add("X-Request-Id", request_id.get() or "")
    # Not the proxy, which looks the request up anew for each of its attributes.
    here: Request = request._get_current_object()  # type: ignore[attr-defined]
    if here.method == "OPTIONS":
        response.headers.update(_PREFLIGHT)
        response.content_type = "application/json; charset=UTF-8"
        response.set_data(write_json({"status": "ok"}))
    if response.status_code == 413:
        # What is still on its way is not read; the connection cannot be used again.
        response.headers["Connection"] = "close"
    add_rate_limit_headers(response)
    endpoint = here.endpoint or "none"
    metrics = services().metrics
    metrics.count("requests", endpoint=endpoint, status=str(response.status_code))
    now = time.monotonic()
    metrics.observe("request", now - g.get("started", now), endpoint=endpoint)
    return response
