"""/v2/lookup: what does this sound like?"""

from __future__ import annotations

from flask import Response

from fpservice.api import responses
from fpservice.api.authentication import begin_as_application
from fpservice.api.context import services
from fpservice.api.queries import count_lookup, lookup_answer, read_queries
from fpservice.api.v2 import METHODS, blueprint
from fpservice.domain.metadata import parse_meta


@blueprint.route("/lookup", methods=METHODS)
def lookup() -> Response:
    """Taggers post fingerprints or track ids, and get tracks and what is known of them."""
    params, application = begin_as_application()
    here = services()
    metrics = here.metrics
    with here.turns.taken():
        with metrics.timed("lookup.decode"):
            asked = read_queries(params, here.limits)
        found = here.lookup.lookup(asked.queries, parse_meta(params.text("meta") or ""))
        count_lookup(application, found)
        with metrics.timed("lookup.serialise"):
            return responses.ok(lookup_answer(asked, found))
