"""/v2/submit: contributors post what their files sound like and what they are."""

from __future__ import annotations

from flask import Response

from fpservice.api import responses
from fpservice.api.authentication import begin_as_application, require_account
from fpservice.api.context import services
from fpservice.api.entries import Names, read_entries, submit_answer
from fpservice.api.v2 import METHODS, blueprint


@blueprint.route("/submit", methods=METHODS)
def submit() -> Response:
    """A contributor's program posts entries; each is stored before it is answered."""
    params, application = begin_as_application()
    account = require_account(params)
    entries = read_entries(params, application, account, Names())
    ids = services().submission.submit(entries.submissions)
    seconds = params.seconds("wait") or 0
    statuses = services().submission.wait(ids, seconds) if seconds > 0 else []
    return responses.ok(submit_answer(entries, ids, statuses))
