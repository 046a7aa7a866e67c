"""Answers in the format that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, g

from fpservice.api import formats
from fpservice.api.errors import ApiError


def ok(data: Mapping[str, Any] | None = None) -> Response:
    """Return a good answer with these fields."""
    return respond({"status": "ok", **(data or {})}, 200)


def error(problem: ApiError) -> Response:
    """Return an error answer."""
    body = {"status": "error", "error": {"code": problem.code, "message": problem.message}}
    response = respond(body, problem.status)
    response.headers.update(problem.headers)
    return response


def respond(body: dict[str, Any], status: int) -> Response:
    """Return the body in the format of this request; JSON as long as that is not known."""
    chosen = g.get("format", formats.JSON)
    if chosen == formats.XML:
        return Response(formats.write_xml(body), status, content_type="text/xml; charset=UTF-8")
    if chosen == formats.JSONP:
        return Response(
            formats.write_jsonp(body, g.get("callback", formats.DEFAULT_CALLBACK)),
            status,
            content_type="application/javascript; charset=UTF-8",
        )
    return Response(
        formats.write_json(body), status, content_type="application/json; charset=UTF-8"
    )
