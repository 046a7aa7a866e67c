"""Builds the web application."""

from __future__ import annotations

import logging

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound, RequestEntityTooLarge
from werkzeug.middleware.proxy_fix import ProxyFix

from fpservice.api import docs, errors, health, middleware, responses
from fpservice.api.context import EXTENSION, Services
from fpservice.api.context import services as current_services
from fpservice.api.errors import ApiError
from fpservice.api.formats import FORMATS, JSON, callback_name
from fpservice.api.internal import blueprint as internal
from fpservice.api.lean_flask import LeanFlask
from fpservice.api.v1 import blueprint as v1
from fpservice.api.v2 import blueprint as v2
from fpservice.api.v2 import (  # noqa: F401 (the views add themselves to the blueprint)
    fingerprint,
    lookup,
    submission_status,
    submit,
    track,
    user,
)
from fpservice.domain.errors import AlreadyTakenError, SearchUnavailableError

log = logging.getLogger(__name__)
MAX_PARTS = 1000


def create_app(services: Services) -> Flask:
    """Return the application that serves these."""
    app = LeanFlask("fpservice", static_folder=None)
    app.url_map.merge_slashes = False
    app.config.update(
        MAX_CONTENT_LENGTH=services.limits.body,
        MAX_FORM_MEMORY_SIZE=services.limits.body,
        MAX_FORM_PARTS=MAX_PARTS,
    )
    app.extensions[EXTENSION] = services
    app.register_blueprint(docs.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(internal)
    app.register_blueprint(v1)
    app.register_blueprint(v2)
    middleware.install(app)
    app.register_error_handler(ApiError, _api_error)
    app.register_error_handler(AlreadyTakenError, _already_taken)
    app.register_error_handler(SearchUnavailableError, _unavailable)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _bug)
    proxies = services.limits.trusted_proxies
    if proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)  # type: ignore[method-assign]
    app.wsgi_app = middleware.TolerantPaths(app.wsgi_app)  # type: ignore[method-assign]
    return app


def _api_error(error: ApiError) -> Response:
    current_services().metrics.count("errors", code=str(error.code))
    _guess_format()
    return responses.error(error)


def _already_taken(error: AlreadyTakenError) -> Response:
    return _api_error(errors.not_allowed(str(error)))


def _unavailable(error: SearchUnavailableError) -> Response:
    log.warning("unavailable: %s", error)
    return _api_error(errors.unavailable())


def _http_error(error: HTTPException) -> Response:
    if isinstance(error, NotFound):
        return _api_error(errors.not_found())
    if isinstance(error, MethodNotAllowed):
        return _api_error(errors.method_not_allowed(", ".join(error.valid_methods or ())))
    if isinstance(error, RequestEntityTooLarge):
        return _api_error(errors.too_large(f"{current_services().limits.body} bytes at most"))
    return _api_error(errors.malformed_request(error.name))


def _bug(error: Exception) -> Response:
    log.exception("internal error at %s", request.path, exc_info=error)
    return _api_error(errors.internal_error())


def _guess_format() -> None:
    """Where no view has read the format, take it from the query string."""
    name = request.args.get("format", JSON)
    if "format" not in g and request.url_rule is None and name in FORMATS:
        g.format = name
        g.callback = callback_name(request.args.get("jsoncallback"))
