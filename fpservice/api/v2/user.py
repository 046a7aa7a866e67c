"""/v2/user/…: the keys of those who submit."""

from __future__ import annotations

from flask import Response, request

from fpservice.api import errors, responses
from fpservice.api.authentication import require_account, require_application
from fpservice.api.context import services
from fpservice.api.request import begin
from fpservice.api.v2 import METHODS, blueprint
from fpservice.domain.submission import clean_text


@blueprint.route("/user/lookup", methods=METHODS)
def user_lookup() -> Response:
    """A program asks whether a user key is good."""
    account = require_account(begin())
    return responses.ok({"user": {"apikey": account.apikey}})


@blueprint.route("/user/create_anonymous", methods=METHODS)
def create_anonymous() -> Response:
    """A program asks for a key for a user who did not sign in."""
    params = begin()
    application = require_application(params)
    version = clean_text(params.text("clientversion")) or ""
    account = services().api_keys.create_anonymous(application, version[:100])
    return responses.ok({"user": {"apikey": account.apikey}})


@blueprint.route("/user/create_musicbrainz", methods=METHODS)
def create_musicbrainz() -> Response:
    """A program asks for the key of a MusicBrainz user; nobody can sign in there yet."""
    params = begin()
    params.required("access_token")
    if not request.is_secure:
        raise errors.insecure_request()
    raise errors.not_allowed("signing in with MusicBrainz is not set up here")
