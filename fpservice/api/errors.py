"""The errors of the web service: one table from code to HTTP status."""

from __future__ import annotations

from typing import Final

STATUS: Final = {
    1: 400,
    2: 400,
    3: 400,
    4: 400,
    5: 500,
    6: 400,
    7: 400,
    8: 400,
    9: 400,
    10: 400,
    11: 400,
    12: 400,
    13: 503,
    14: 429,
    15: 400,
    16: 400,
    17: 400,
    18: 404,
    19: 413,
    # Ours, for what other services answer with a page of HTML.
    20: 400,
    21: 404,
    22: 405,
}
RETRY_AFTER: Final = "5"


class ApiError(Exception):
    """An error answer: ``code`` of the table, a message, headers to send with it."""

    def __init__(self, code: int, message: str, headers: dict[str, str] | None = None) -> None:
        """The HTTP status follows from the code."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUS[code]
        self.headers = headers or {}


def unknown_format(name: str) -> ApiError:
    """The answer cannot be written in this format."""
    return ApiError(1, f'unknown format "{name}"')


def missing_parameter(name: str) -> ApiError:
    """A required parameter is absent or empty."""
    return ApiError(2, f'missing required parameter "{name}"')


def invalid_fingerprint() -> ApiError:
    """The fingerprint cannot be decoded."""
    return ApiError(3, "invalid fingerprint")


def invalid_api_key(cause: str | None = None) -> ApiError:
    """There is no such application, or it is switched off."""
    return ApiError(4, "invalid API key" + (f" ({cause})" if cause else ""))


def internal_error() -> ApiError:
    """A bug."""
    return ApiError(5, "internal error")


def invalid_user_api_key(cause: str | None = None) -> ApiError:
    """There is no such account, or it is switched off."""
    return ApiError(6, "invalid user API key" + (f" ({cause})" if cause else ""))


def invalid_uuid(name: str) -> ApiError:
    """A parameter is no UUID."""
    return ApiError(7, f'parameter "{name}" is not a valid UUID')


def invalid_duration(name: str) -> ApiError:
    """A duration is out of range."""
    return ApiError(8, f'parameter "{name}" must be a positive integer')


def invalid_bitrate(name: str) -> ApiError:
    """A bitrate is out of range."""
    return ApiError(9, f'parameter "{name}" must be a positive integer')


def invalid_foreign_id(name: str) -> ApiError:
    """A foreign id has another form."""
    return ApiError(
        10, f'parameter "{name}" is not a valid foreign ID, it must be in the format vendor:id'
    )


def rate_limit_exceeded(limit: float, retry_after: int) -> ApiError:
    """Too many requests."""
    return ApiError(
        14,
        f"rate limit ({limit:g} requests per second) exceeded, try again later",
        {"Retry-After": str(retry_after)},
    )


def unknown_application() -> ApiError:
    """There is no such application."""
    return ApiError(17, "unknown application")


def invalid_parameter(name: str, what: str) -> ApiError:
    """A parameter of the internal interface cannot be read."""
    return ApiError(20, f'malformed request (parameter "{name}" is not {what})')


def invalid_max_duration_difference(name: str, maximum: int) -> ApiError:
    """The window of durations is out of range."""
    return ApiError(11, f'parameter "{name}" must be between 1 and {maximum}')


def not_allowed(cause: str | None = None) -> ApiError:
    """The caller may not do this here."""
    return ApiError(12, "not allowed" + (f" ({cause})" if cause else ""))


def unavailable() -> ApiError:
    """Something that is needed does not answer."""
    return ApiError(
        13,
        "service currently unavailable, try again later",
        {"Retry-After": RETRY_AFTER},
    )


def invalid_access_token(cause: str) -> ApiError:
    """MusicBrainz does not know who signed in."""
    return ApiError(15, f"invalid MusicBrainz access token ({cause})")


def insecure_request() -> ApiError:
    """The request carries a secret and did not come over HTTPS."""
    return ApiError(16, "only requests over HTTPS are allowed here")


def fingerprint_not_found() -> ApiError:
    """There is no fingerprint with this id."""
    return ApiError(18, "fingerprint not found")


def too_large(limit: str) -> ApiError:
    """A limit was passed; ``limit`` names it."""
    return ApiError(19, f"request too large ({limit})")


def malformed_request(cause: str) -> ApiError:
    """The request cannot be read at all."""
    return ApiError(20, f"malformed request ({cause})")


def not_found() -> ApiError:
    """There is nothing at this path."""
    return ApiError(21, "not found")


def method_not_allowed(allowed: str) -> ApiError:
    """The path is there, but not for this method."""
    return ApiError(22, "method not allowed", {"Allow": allowed})
