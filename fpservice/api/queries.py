"""What a lookup asks for, read from its parameters; and its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flask import request

from fpservice.api import errors
from fpservice.api.context import Limits, services
from fpservice.api.errors import ApiError
from fpservice.api.params import Params, required_uuid
from fpservice.domain.caller import Application
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import Hashes, decode
from fpservice.services.lookup import FingerprintQuery, LookupQuery, LookupResult, TrackQuery


@dataclass(frozen=True, slots=True)
class Asked:
    """The queries of a request that can be answered, and the errors of those that cannot."""

    batch: bool
    suffixes: list[str] = field(default_factory=list)
    queries: list[LookupQuery] = field(default_factory=list)
    errors: list[dict[str, Any]] = field(default_factory=list)


def read_queries(params: Params, limits: Limits, duration_name: str = "duration") -> Asked:
    """Return the queries in the order of their suffixes; without ``batch`` the first good one.

    Raises:
        ApiError: none can be answered (then the error of the last), or there are too many.
    """
    difference = _max_difference(params, limits)
    suffixes = params.suffixes("fingerprint", "trackid")
    if not suffixes:
        raise errors.missing_parameter("fingerprint")
    asked = Asked(params.flag("batch"))
    if asked.batch:
        _check_number(params, suffixes, limits)
    last: ApiError | None = None
    for suffix in suffixes:
        try:
            query = _read_query(params, suffix, duration_name, difference, limits)
        except ApiError as error:
            last = error
            asked.errors.append(
                {"index": _index(suffix), "code": error.code, "message": error.message}
            )
            continue
        asked.queries.append(query)
        asked.suffixes.append(suffix)
        if not asked.batch:
            break
    if last and not asked.queries:
        raise last
    return asked


def lookup_answer(asked: Asked, found: list[list[LookupResult]]) -> dict[str, Any]:
    """Return the fields of the answer: results, or with ``batch`` those of each query."""
    if not asked.batch:
        return {"results": _results(found[0])}
    answer: dict[str, Any] = {
        "fingerprints": [
            {"index": _index(suffix), "results": _results(results)}
            for suffix, results in zip(asked.suffixes, found, strict=True)
        ]
    }
    if asked.errors:
        answer["errors"] = asked.errors
    return answer


def count_lookup(application: Application, found: list[list[LookupResult]]) -> None:
    """Count a request for the statistics of operators."""
    hits = sum(1 for results in found if results)
    services().statistics.count_lookup(
        application.id,
        hits=hits,
        misses=len(found) - hits,
        user_agent=request.environ.get("HTTP_USER_AGENT", ""),
    )


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


def _read_query(
    params: Params, suffix: str, duration_name: str, difference: int, limits: Limits
) -> LookupQuery:
    track_id = params.text(f"trackid{suffix}")
    if track_id:
        return TrackQuery(required_uuid(f"trackid{suffix}", track_id))
    name = f"{duration_name}{suffix}"
    duration = params.seconds(name)
    if not duration:
        raise errors.missing_parameter(name)
    if duration < 0:
        raise errors.invalid_duration(name)
    return FingerprintQuery(read_hashes(params, suffix, limits), duration, difference)


def _index(suffix: str) -> int | None:
    return int(suffix[1:]) if suffix else None


def _results(found: list[LookupResult]) -> list[dict[str, Any]]:
    return [
        {"id": str(result.gid), "score": round(result.score, 8), **result.shown} for result in found
    ]
