"""Who calls: the client key of an application, the user key of an account."""

from __future__ import annotations

from fpservice.api import errors
from fpservice.api.context import services
from fpservice.api.errors import ApiError
from fpservice.api.params import Params
from fpservice.api.rate_limit import check_address, check_application
from fpservice.api.request import read_and_choose_format
from fpservice.domain.caller import Account, Application


def begin_as_application() -> tuple[Params, Application]:
    """Return the parameters of a request and the application that it comes from.

    Raises:
        ApiError: unreadable, no key that is known, or too many requests.
    """
    params = read_and_choose_format()
    return params, require_application(params)


def require_application(params: Params) -> Application:
    """Return the calling application; the request is counted by all rate limits at once.

    Raises:
        ApiError: no key, an unknown one, one that is switched off, or too many requests.
    """
    try:
        application = _find_application(params)
    except ApiError:
        check_address(params)
        raise
    check_application(params, application)
    return application


def _find_application(params: Params) -> Application:
    apikey = params.required("client")
    application = services().api_keys.application(apikey)
    if application is None:
        is_user = services().api_keys.account(apikey) is not None
        raise errors.invalid_api_key(
            "this is a user key; an application key is needed" if is_user else None
        )
    return application


def require_account(params: Params) -> Account:
    """Return the account whose user key was sent.

    Raises:
        ApiError: no key, an unknown one, or one that is switched off.
    """
    apikey = params.required("user")
    account = services().api_keys.account(apikey)
    if account is None:
        is_application = services().api_keys.application(apikey) is not None
        raise errors.invalid_user_api_key(
            "this is an application key; a user key is needed" if is_application else None
        )
    return account
