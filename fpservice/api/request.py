"""How every request of the web service begins: read it, then find out the format."""

from __future__ import annotations

from flask import Request, g, request
from werkzeug.exceptions import RequestEntityTooLarge

from fpservice.api import errors, formats
from fpservice.api.bodies import read_body
from fpservice.api.context import services
from fpservice.api.params import Params, read_params
from fpservice.api.rate_limit import check_address


def begin() -> Params:
    """Return the parameters; from here on answers are in the format that was asked for.

    For requests of which no application is known; the others begin with ``begin_as_application``.

    Raises:
        ApiError: too large, unreadable, an unknown format, or too many requests.
    """
    params = read_and_choose_format()
    check_address(params)
    return params


def read_and_choose_format() -> Params:
    """Return the parameters, not yet counted by the rate limits.

    Raises:
        ApiError: too large, unreadable, or an unknown format.
    """
    params = read()
    choose_format(params)
    return params


def read() -> Params:
    """Return the parameters.

    Raises:
        ApiError: too large or unreadable.
    """
    limit = services().limits.body
    # Not the proxy, which looks the request up anew for each of its attributes.
    here: Request = request._get_current_object()  # type: ignore[attr-defined]
    body = read_body(here, limit)
    try:
        return read_params(here, body)
    except RequestEntityTooLarge as error:
        raise errors.too_large(f"{limit} bytes and 1000 parts at most, in UTF-8") from error


def choose_format(params: Params) -> None:
    """Let the answer be in the format that the parameters name.

    Raises:
        ApiError: there is no such format; that error itself is JSON.
    """
    name = params.text("format")
    name = formats.JSON if name is None else name
    if name not in formats.FORMATS:
        raise errors.unknown_format(name[:100])
    g.format = name
    g.callback = formats.callback_name(params.text("jsoncallback"))
