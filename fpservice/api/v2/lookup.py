"""/v2/lookup: what does this sound like?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Response

from fpservice.api import errors, responses
from fpservice.api.authentication import require_application
from fpservice.api.context import Limits, services
from fpservice.api.errors import ApiError
from fpservice.api.params import Params, required_uuid
from fpservice.api.request import begin
from fpservice.api.v2 import METHODS, blueprint
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import Hashes, decode
from fpservice.domain.metadata import parse_meta
from fpservice.services.lookup import FingerprintQuery, LookupQuery, LookupResult, TrackQuery


@dataclass(frozen=True, slots=True)
class _Asked:
    """The queries of a request that can be answered, and the errors of those that cannot."""

    suffixes: list[str]
    queries: list[LookupQuery]
    errors: list[dict[str, Any]]


@blueprint.route("/lookup", methods=METHODS)
def lookup() -> Response:
    """Taggers post fingerprints or track ids, and get tracks and what is known of them."""
    params = begin()
    require_application(params)
    asked = _read_queries(params)
    found = services().lookup.lookup(asked.queries, parse_meta(params.text("meta") or ""))
    if not params.flag("batch"):
        return responses.ok({"results": _results(found[0])})
    answers: dict[str, Any] = {
        "fingerprints": [
            {"index": _index(suffix), "results": _results(results)}
            for suffix, results in zip(asked.suffixes, found, strict=True)
        ]
    }
    return responses.ok({**answers, "errors": asked.errors} if asked.errors else answers)


def _read_queries(params: Params) -> _Asked:
    limits = services().limits
    difference = _max_difference(params, limits)
    suffixes = params.suffixes("fingerprint", "trackid")
    if not suffixes:
        raise errors.missing_parameter("fingerprint")
    batch = params.flag("batch")
    if batch:
        _check_number(params, suffixes, limits)
    asked = _Asked([], [], [])
    last: ApiError | None = None
    for suffix in suffixes:
        try:
            asked.queries.append(_read_query(params, suffix, difference, limits))
        except ApiError as error:
            last = error
            asked.errors.append(_entry_error(suffix, error))
            continue
        asked.suffixes.append(suffix)
        if not batch:
            break
    if last and not asked.queries:
        raise last
    return asked


def _max_difference(params: Params, limits: Limits) -> int:
    name = "maxdurationdiff"
    value = params.integer(name)
    if value is None:
        return limits.default_duration_difference
    if not 1 <= value <= limits.max_duration_difference:
        raise errors.invalid_max_duration_difference(name, limits.max_duration_difference)
    return value


def _check_number(params: Params, suffixes: list[str], limits: Limits) -> None:
    track_ids = sum(1 for suffix in suffixes if params.text(f"trackid{suffix}"))
    if track_ids > limits.track_ids:
        raise errors.too_large(f"{limits.track_ids} track ids at most")
    if len(suffixes) - track_ids > limits.fingerprints:
        raise errors.too_large(f"{limits.fingerprints} fingerprints at most")


def _read_query(params: Params, suffix: str, difference: int, limits: Limits) -> LookupQuery:
    track_id = params.text(f"trackid{suffix}")
    if track_id:
        return TrackQuery(required_uuid(f"trackid{suffix}", track_id))
    name = f"duration{suffix}"
    duration = params.seconds(name)
    if not duration:
        raise errors.missing_parameter(name)
    if duration < 0:
        raise errors.invalid_duration(name)
    return FingerprintQuery(read_hashes(params, suffix, limits), duration, difference)


def read_hashes(params: Params, suffix: str, limits: Limits) -> Hashes:
    """Return the decoded fingerprint.

    Raises:
        ApiError: absent, or no fingerprint.
    """
    text = params.required(f"fingerprint{suffix}")
    try:
        return decode(text, limits.hashes)
    except InvalidFingerprintError as error:
        raise errors.invalid_fingerprint() from error


def _entry_error(suffix: str, error: ApiError) -> dict[str, Any]:
    return {"index": _index(suffix), "code": error.code, "message": error.message}


def _index(suffix: str) -> int | None:
    return int(suffix[1:]) if suffix else None


def _results(found: list[LookupResult]) -> list[dict[str, Any]]:
    return [
        {"id": str(result.gid), "score": round(result.score, 8), **result.shown} for result in found
    ]
