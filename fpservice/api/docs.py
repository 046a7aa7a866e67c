"""/openapi.yaml, the description of the web service, and /docs, a page that shows and calls it."""

from __future__ import annotations

from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, render_template_string, request
from openapi_ui_bundles import swagger_ui
from werkzeug.exceptions import NotFound

blueprint = Blueprint("docs", __name__)

_TYPES: Final = {
    ".css": "text/css; charset=UTF-8",
    ".js": "text/javascript; charset=UTF-8",
    ".png": "image/png",
}
_SWAGGER_UI: Final = ("swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png")
_START: Final = "docs-start.js"
# Swagger UI draws its icons from data: URLs; everything else comes from this service.
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)


@blueprint.get("/openapi.yaml")
def document() -> Response:
    """Programs and people read what the web service offers."""
    return _cached(_data("openapi.yaml"), "application/yaml")


@blueprint.get("/docs")
def page() -> Response:
    """People read about the web service, and try it."""
    html = render_template_string(_data("docs.html").decode(), script=_START)
    response = Response(html, content_type="text/html; charset=UTF-8")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    """The page loads its scripts, styles and pictures."""
    if name == _START:
        content = _data(name)
    elif name in _SWAGGER_UI:
        content = _swagger_ui(name)
    else:
        raise NotFound
    return _cached(content, _TYPES[Path(name).suffix])


@cache
def _data(name: str) -> bytes:
    return (resources.files("fpservice") / "data" / name).read_bytes()


@cache
def _swagger_ui(name: str) -> bytes:
    return (swagger_ui.static_path / name).read_bytes()


def _cached(content: bytes, content_type: str) -> Response:
    """Return an answer that a browser keeps, asking each time whether it is the present one."""
    response = Response(content, content_type=content_type)
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.add_etag()
    return response.make_conditional(request)  # type: ignore[return-value]
