"""Version 1 of the web service: XML only, `length` for duration, recordings are called tracks."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g

from fpservice.api import formats, responses
from fpservice.api.authentication import require_account, require_application
from fpservice.api.context import services
from fpservice.api.entries import Names, read_entries, submit_answer
from fpservice.api.params import Params
from fpservice.api.queries import count_lookup, lookup_answer, read_queries
from fpservice.api.request import read
from fpservice.domain.metadata import parse_meta
from fpservice.services.lookup import LookupResult

blueprint = Blueprint("v1", __name__)
METHODS = ["GET", "POST"]
_NAMES = Names(duration="length", file_format="format", lenient_duration=True)


@blueprint.route("/lookup", methods=METHODS)
def lookup() -> Response:
    """Old taggers ask for the MusicBrainz ids of a fingerprint."""
    params = _begin()
    application = require_application(params)
    here = services()
    wanted = (params.text("meta") or "0").strip() != "0"
    with here.turns.taken():
        with here.metrics.timed("lookup.decode"):
            asked = read_queries(params, here.limits, _NAMES.duration)
        found = here.lookup.lookup(asked.queries, parse_meta("1" if wanted else "0"))
    count_lookup(application, found)
    with here.metrics.timed("lookup.serialise"):
        return responses.ok(lookup_answer(asked, [_with_tracks(results) for results in found]))


@blueprint.route("/submit", methods=METHODS)
def submit() -> Response:
    """Old programs post entries."""
    params = _begin()
    application = require_application(params)
    account = require_account(params)
    entries = read_entries(params, application, account, _NAMES)
    return responses.ok(submit_answer(entries, services().submission.submit(entries.submissions)))


def _begin() -> Params:
    g.format = formats.XML
    return read()


def _with_tracks(results: list[LookupResult]) -> list[LookupResult]:
    return [LookupResult(result.gid, result.score, _renamed(result.shown)) for result in results]


def _renamed(shown: dict[str, Any]) -> dict[str, Any]:
    recordings = shown.get("recordings")
    return {"tracks": recordings} if recordings else {}
