"""What can go wrong when a server is asked."""

from __future__ import annotations


class ClientError(Exception):
    """Base of what this package raises; the message is meant for the user."""


class ServerUnreachableError(ClientError):
    """No connection, or no answer in time."""


class ServerRefusedError(ClientError):
    """The server answered with an error; ``code`` is AcoustID's, None where it gave none."""

    def __init__(self, message: str, code: int | None = None) -> None:
        """Keep the code beside the message."""
        super().__init__(message)
        self.code = code


class AudioError(ClientError):
    """An audio file cannot be fingerprinted."""


class FpcalcMissingError(AudioError):
    """The program fpcalc is not installed."""
