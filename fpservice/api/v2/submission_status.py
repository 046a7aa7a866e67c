"""/v2/submission_status: what became of submissions."""

from __future__ import annotations

from flask import Response

from fpservice.api import errors, responses
from fpservice.api.authentication import begin_as_application
from fpservice.api.context import services
from fpservice.api.entries import status_answer
from fpservice.api.params import parse_integer
from fpservice.api.v2 import METHODS, blueprint


@blueprint.route("/submission_status", methods=METHODS)
def submission_status() -> Response:
    """A contributor's program asks about ids that it got from /v2/submit."""
    params, _ = begin_as_application()
    numbers = [parse_integer(text) for text in params.texts("id")]
    ids = [number for number in numbers if number is not None]
    limit = services().limits.ids
    if len(ids) > limit:
        raise errors.too_large(f"{limit} ids at most")
    statuses = services().submission.status(ids)
    return responses.ok({"submissions": [status_answer(status) for status in statuses]})
