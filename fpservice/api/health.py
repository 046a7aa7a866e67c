"""Health pages for orchestrators: the process, its reads, its reads and writes."""

from __future__ import annotations

from flask import Blueprint, Response

from fpservice.api import responses
from fpservice.api.context import services
from fpservice.draining import is_draining
from fpservice.services.health import CheckResult

blueprint = Blueprint("health", __name__)
_SHUTDOWN = {"shutdown": CheckResult(False, 0.0, "the service is about to end")}


@blueprint.get("/_health_docker")
def process() -> Response:
    """The process answers; nothing else is touched."""
    return responses.ok()


@blueprint.get("/_health_ro")
def read_only() -> Response:
    """Readiness: everything can be read."""
    return _answer(_SHUTDOWN if is_draining() else services().health.read_only())


@blueprint.get("/_health")
def full() -> Response:
    """Everything can be read and written."""
    return _answer(_SHUTDOWN if is_draining() else services().health.full())


def _answer(results: dict[str, CheckResult]) -> Response:
    good = all(result.ok for result in results.values())
    checks = {name: _check(result) for name, result in results.items()}
    return responses.respond(
        {"status": "ok" if good else "error", "checks": checks}, 200 if good else 503
    )


def _check(result: CheckResult) -> dict[str, object]:
    shown: dict[str, object] = {
        "status": "ok" if result.ok else "error",
        "ms": round(result.milliseconds, 1),
    }
    return {**shown, "reason": result.reason} if result.reason else shown
