"""/v2/fingerprint: a stored fingerprint."""

from __future__ import annotations

from flask import Response

from fpservice.api import errors, responses
from fpservice.api.context import services
from fpservice.api.request import begin
from fpservice.api.v2 import METHODS, blueprint
from fpservice.domain.fingerprint import to_signed


@blueprint.route("/fingerprint", methods=METHODS)
def fingerprint() -> Response:
    """Anyone asks for the hashes of a stored fingerprint."""
    fingerprint_id = begin().integer("id")
    if not fingerprint_id:
        raise errors.missing_parameter("id")
    row = services().catalogue.fingerprint(fingerprint_id)
    if row is None:
        raise errors.fingerprint_not_found()
    return responses.ok(
        {
            "fingerprint": {
                "id": row.id,
                "duration": row.duration,
                "hashes": to_signed(row.hashes),
            }
        }
    )
