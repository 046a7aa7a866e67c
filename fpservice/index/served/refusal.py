"""Why a request is refused: the errors of the interface, with their HTTP status."""

from __future__ import annotations

from typing import Final


class RefusalError(Exception):
    """A request that is answered with an error; ``name`` is what stands in the answer."""

    def __init__(self, status: int, name: str) -> None:
        """Refuse with this status."""
        super().__init__(name)
        self.status = status
        self.name = name


_STATUS: Final = {
    "BadRequest": 400,
    "FingerprintNotFound": 404,
    "IndexAlreadyExists": 409,
    "IndexBusy": 409,
    "IndexNotFound": 404,
    "InternalError": 500,
    "InvalidFingerprintId": 400,
    "InvalidIndexName": 400,
    # Clients of the field know an unknown path by this status.
    "NotFound": 500,
    "RequestTooLarge": 413,
    "TooManyIndexes": 507,
    "Unavailable": 503,
    "UnsupportedMediaType": 415,
    "VersionMismatch": 409,
}


def refusal(name: str) -> RefusalError:
    """Return the error of that name."""
    return RefusalError(_STATUS[name], name)
