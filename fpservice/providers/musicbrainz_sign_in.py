"""Who a MusicBrainz access token belongs to, asked of MusicBrainz itself."""

from __future__ import annotations

import re
from typing import Final

import requests

from fpservice.domain.errors import InvalidAccessTokenError, SignInUnavailableError

_MAX_ANSWER: Final = 65_536
# What may stand in a header.
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}")


class MusicBrainzSignIn:
    """Asks the OpenID user info page (RFC: OpenID Connect Core 1.0, 5.3) with the token."""

    def __init__(self, url: str, time_limit: float) -> None:
        """Ask ``url``; connecting and each wait for data take ``time_limit`` seconds at most."""
        self._url = url
        self._time_limit = time_limit

    def user_name(self, access_token: str) -> str:
        """Return the name of the user who signed in.

        Raises:
            InvalidAccessTokenError: MusicBrainz does not know the token.
            SignInUnavailableError: MusicBrainz does not answer, or not in time.
        """
        if not _TOKEN.fullmatch(access_token):
            raise InvalidAccessTokenError("an access token has visible ASCII characters only")
        headers = {"Authorization": f"Bearer {access_token}", "User-Agent": "fpservice"}
        try:
            answer = requests.get(
                self._url,
                headers=headers,
                timeout=self._time_limit,
                # A redirect could carry the token elsewhere.
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise SignInUnavailableError("MusicBrainz does not answer") from error
        if answer.status_code in (400, 401, 403):
            raise InvalidAccessTokenError("MusicBrainz does not know the access token")
        return _name(answer)


class NoSignIn:
    """Nobody can sign in: no page to ask is configured."""

    def user_name(self, access_token: str) -> str:
        """Refuse.

        Raises:
            InvalidAccessTokenError: always.
        """
        raise InvalidAccessTokenError("signing in with MusicBrainz is not set up here")


def _name(answer: requests.Response) -> str:
    try:
        answer.raise_for_status()
        found = answer.json()["sub"] if len(answer.content) <= _MAX_ANSWER else None
    except (requests.RequestException, ValueError, KeyError, TypeError) as error:
        raise SignInUnavailableError("MusicBrainz answers something else") from error
    if not isinstance(found, str) or not found:
        raise SignInUnavailableError("MusicBrainz names no user")
    return found
