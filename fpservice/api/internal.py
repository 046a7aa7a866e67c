"""/v2/internal/…: administration by other parts of the installation, with the cluster secret."""

from __future__ import annotations

import datetime
from typing import Any

from flask import Blueprint, Response

from fpservice.api import errors, responses
from fpservice.api.context import services
from fpservice.api.params import Params
from fpservice.api.rate_limit import has_cluster_secret
from fpservice.api.request import begin
from fpservice.domain.caller import Application
from fpservice.domain.submission import clean_text

blueprint = Blueprint("internal", __name__, url_prefix="/v2/internal")
METHODS = ["GET", "POST"]
_MAX_DAYS = 366
_MAX_COUNT = 1_000_000_000


@blueprint.route("/create_account", methods=METHODS)
def create_account() -> Response:
    """A web site adds one who signed in, and gets the user key."""
    params = _begin()
    account = services().api_keys.add_account(_name(params))
    return responses.ok({"account": {"id": account.id, "apikey": account.apikey}})


@blueprint.route("/create_application", methods=METHODS)
def create_application() -> Response:
    """A web site registers a program, and gets the client key."""
    params = _begin()
    application = services().api_keys.add_application(
        _name(params),
        version=_short(params.text("version")),
        email=_short(params.text("email")) or None,
        website=_short(params.text("website")) or None,
    )
    return responses.ok({"application": _shown(application)})


@blueprint.route("/update_application_status", methods=METHODS)
def update_application_status() -> Response:
    """A web site switches a program's key on or off."""
    params = _begin()
    active = params.integer("active")
    if active is None:
        raise errors.missing_parameter("active")
    application = _application(params)
    services().api_keys.set_active(application.apikey, bool(active))
    return responses.ok()


@blueprint.route("/check_application", methods=METHODS)
def check_application() -> Response:
    """A proxy asks whether a client key is good, and what its limit is."""
    return responses.ok({"application": _shown(_application(_begin()))})


@blueprint.route("/lookup_stats", methods=METHODS)
def lookup_stats() -> Response:
    """A web site asks for a program's lookups by the hour."""
    params = _begin()
    application = _application(params)
    today = datetime.datetime.now(datetime.UTC).date()
    last = _day(params, "to", today)
    first = _day(params, "from", last - datetime.timedelta(days=30))
    if (last - first).days > _MAX_DAYS:
        raise errors.too_large(f"{_MAX_DAYS} days at most")
    counts = services().statistics.lookups(application.id, first, last)
    return responses.ok({"lookups": [_shown_count(count) for count in counts]})


@blueprint.route("/update_lookup_stats", methods=METHODS)
def update_lookup_stats() -> Response:
    """Another node adds lookups that it counted."""
    params = _begin()
    application = _application(params)
    hour = params.integer("hour")
    if hour is None or not 0 <= hour <= 23:
        raise errors.invalid_parameter("hour", "an hour from 0 to 23")
    services().statistics.add_lookups(
        application.id,
        _day(params, "day", None),
        hour,
        hits=_count(params, "hits"),
        misses=_count(params, "misses"),
    )
    return responses.ok()


@blueprint.route("/update_user_agent_stats", methods=METHODS)
def update_user_agent_stats() -> Response:
    """Another node adds requests of a user agent that it counted."""
    params = _begin()
    application = _application(params)
    services().statistics.add_user_agent(
        application.id,
        _day(params, "day", None),
        _short(params.required("user_agent")),
        _count(params, "count"),
    )
    return responses.ok()


def _begin() -> Params:
    params = begin()
    if not has_cluster_secret(params):
        raise errors.not_allowed()
    return params


def _application(params: Params) -> Application:
    found = services().api_keys.find_application(params.required("client"))
    if found is None:
        raise errors.unknown_application()
    return found


def _name(params: Params) -> str:
    name = _short(params.required("name"))
    if not name:
        raise errors.missing_parameter("name")
    return name


def _short(text: str | None) -> str:
    return (clean_text(text) or "")[:200]


def _day(params: Params, name: str, default: datetime.date | None) -> datetime.date:
    text = params.text(name)
    if not text:
        if default is None:
            raise errors.missing_parameter(name)
        return default
    try:
        return datetime.date.fromisoformat(text)
    except ValueError as error:
        raise errors.invalid_parameter(name, "a day, YYYY-MM-DD") from error


def _count(params: Params, name: str) -> int:
    count = params.integer(name)
    if count is None or not 0 <= count <= _MAX_COUNT:
        raise errors.invalid_parameter(name, "a count")
    return count


def _shown(application: Application) -> dict[str, Any]:
    return {
        "id": application.id,
        "name": application.name,
        "version": application.version,
        "apikey": application.apikey,
        "active": application.active,
        "rate_limit": application.rate_limit,
    }


def _shown_count(count: Any) -> dict[str, Any]:
    return {
        "day": count.hour.day.isoformat(),
        "hour": count.hour.hour,
        "hits": count.hits,
        "misses": count.misses,
    }
