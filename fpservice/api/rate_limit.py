"""Requests that are too many are refused with 429; the others are told how many are left."""

from __future__ import annotations

import hmac
import math

from flask import Response, g, request

from fpservice.api import errors
from fpservice.api.context import services
from fpservice.api.params import Params
from fpservice.domain.caller import Application
from fpservice.interfaces import RateLimitDecision


def check_address(params: Params) -> None:
    """Count the request for everybody and for its address.

    Raises:
        ApiError: there are too many.
    """
    if not has_cluster_secret(params):
        _heed(services().rate_limit.check_address(request.remote_addr or "unknown"))


def check_application(params: Params, application: Application) -> None:
    """Count the request for everybody, for its address and for its application.

    Raises:
        ApiError: there are too many.
    """
    here = services()
    if not (here.cluster_secret and has_cluster_secret(params)):
        address = request.remote_addr or "unknown"
        _heed(here.rate_limit.check_application(address, application))


def has_cluster_secret(params: Params) -> bool:
    """Whether the request carries the cluster secret; never without a configured one."""
    secret, sent = services().cluster_secret, params.text("secret")
    return bool(secret and sent) and hmac.compare_digest(
        (sent or "").encode(), (secret or "").encode()
    )


def add_rate_limit_headers(response: Response) -> None:
    """Tell the caller the tightest limit that the request was counted against."""
    decision: RateLimitDecision | None = g.get("rate_limit")
    if decision is not None:
        add = response.headers.add
        add("X-RateLimit-Limit", f"{decision.limit:g}")
        add("X-RateLimit-Remaining", str(decision.remaining))
        add("X-RateLimit-Reset", str(math.ceil(decision.reset)))


def _heed(decision: RateLimitDecision | None) -> None:
    if decision is None:
        return
    known: RateLimitDecision | None = g.get("rate_limit")
    if known is None or not decision.allowed or decision.remaining < known.remaining:
        g.rate_limit = decision
    if not decision.allowed:
        raise errors.rate_limit_exceeded(decision.limit, max(1, math.ceil(1 / decision.limit)))
