"""Who calls: the client key of an application, the user key of an account."""

from __future__ import annotations

from fpservice.api import errors
from fpservice.api.context import services
from fpservice.api.params import Params
from fpservice.api.rate_limit import check_application
from fpservice.domain.caller import Account, Application


def require_application(params: Params) -> Application:
    """Return the calling application.

    Raises:
        ApiError: no key, an unknown one, or one that is switched off.
    """
    apikey = params.required("client")
    application = services().api_keys.application(apikey)
    if application is None:
        is_user = services().api_keys.account(apikey) is not None
        raise errors.invalid_api_key(
            "this is a user key; an application key is needed" if is_user else None
        )
    check_application(params, application)
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
