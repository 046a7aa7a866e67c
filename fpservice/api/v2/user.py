"""/v2/user/…: the keys of those who submit."""

from __future__ import annotations

from flask import Response, request

from fpservice.api import errors, responses
from fpservice.api.authentication import begin_as_application, require_account
from fpservice.api.context import services
from fpservice.api.request import begin
from fpservice.api.v2 import METHODS, blueprint
from fpservice.domain.errors import InvalidAccessTokenError
from fpservice.domain.submission import clean_text


@blueprint.route("/user/lookup", methods=METHODS)
def user_lookup() -> Response:
    """A program asks whether a user key is good."""
    account = require_account(begin())
    return responses.ok({"user": {"apikey": account.apikey}})


@blueprint.route("/user/create_anonymous", methods=METHODS)
def create_anonymous() -> Response:
    """A program asks for a key for a user who did not sign in."""
    params, application = begin_as_application()
    version = clean_text(params.text("clientversion")) or ""
    account = services().api_keys.create_anonymous(application, version[:100])
    return responses.ok({"user": {"apikey": account.apikey}})


@blueprint.route("/user/create_musicbrainz", methods=METHODS)
def create_musicbrainz() -> Response:
    """A program asks for the key of a user who signed in at MusicBrainz."""
    access_token = begin().required("access_token")
    if not request.is_secure:
        raise errors.insecure_request()
    try:
        account = services().api_keys.sign_in(access_token)
    except InvalidAccessTokenError as error:
        raise errors.invalid_access_token(str(error)) from error
    return responses.ok({"user": {"apikey": account.apikey}})
