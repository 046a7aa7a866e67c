"""Requests to an AcoustID-compatible server."""

from __future__ import annotations

import gzip
import ipaddress
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import requests

from fpservice import __version__
from fpservice.client.errors import ClientError, ServerRefusedError, ServerUnreachableError
from fpservice.client.results import (
    LookupResult,
    SubmissionState,
    lookup_results,
    submission_states,
)

Parameters = Mapping[str, str | int | Sequence[str] | None]

CONNECT_TIMEOUT: Final = 5.0
READ_TIMEOUT: Final = 30.0
MAX_TRIES: Final = 4
MAX_WAIT: Final = 10.0
_BUSY: Final = frozenset({429, 503})


class Server:
    """A server and the application key to call it with; may be shared by threads."""

    def __init__(self, url: str, client: str, *, max_wait: float = MAX_WAIT) -> None:
        """``url`` without ``/v2``; ``max_wait``: the longest pause, in s, when it is busy.

        Raises:
            ClientError: this is no URL of HTTP.
        """
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ClientError(f"{url}: not a URL like http://127.0.0.1:5000")
        self._url = url.rstrip("/").removesuffix("/v2")
        self._client = client
        self._max_wait = max_wait

    def lookup(self, fingerprint: str, duration: float, meta: str = "") -> list[LookupResult]:
        """Return what the server knows of a fingerprint, the best score first.

        ``duration`` in seconds; ``meta`` names what to tell of each track.

        Raises:
            ServerUnreachableError: no answer in time.
            ServerRefusedError: the server answers with an error.
        """
        parameters: Parameters = {
            "fingerprint": fingerprint,
            "duration": int(duration),
            "meta": meta,
        }
        answer = self._call("lookup", parameters)
        return lookup_results(answer)

    def submit(
        self, user: str, fingerprint: str, duration: float, metadata: Parameters
    ) -> list[SubmissionState]:
        """Hand in a fingerprint, and return what became of it so far; errors as ``lookup``."""
        own: Parameters = {"user": user, "fingerprint": fingerprint, "duration": int(duration)}
        answer = self._call("submit", {**metadata, **own})
        return submission_states(answer)

    def submission_status(self, ids: Sequence[int]) -> list[SubmissionState]:
        """Return what became of submissions; errors as ``lookup``."""
        answer = self._call("submission_status", {"id": [str(one) for one in ids]})
        return submission_states(answer)

    def _call(self, endpoint: str, parameters: Parameters) -> dict[str, Any]:
        given = {name: value for name, value in parameters.items() if value not in (None, "")}
        form = {"client": self._client, "clientversion": __version__, "format": "json", **given}
        body = gzip.compress(urlencode(form, doseq=True).encode())
        for tries_left in reversed(range(MAX_TRIES)):
            response = self._post(f"{self._url}/v2/{endpoint}", body)
            if response.status_code not in _BUSY or not tries_left:
                break
            time.sleep(self._pause(response))
        return self._answer(response)

    def _post(self, url: str, body: bytes) -> requests.Response:
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Content-Encoding": "gzip",
            "User-Agent": f"fpservice/{__version__}",
        }
        try:
            with requests.Session() as session:
                # A proxy for the outside world does not reach a server on this machine.
                session.trust_env = not is_local(url)
                return session.post(
                    url, data=body, headers=headers, timeout=(CONNECT_TIMEOUT, READ_TIMEOUT)
                )
        except requests.Timeout as error:
            raise ServerUnreachableError(f"{self._url}: no answer in time") from error
        except requests.RequestException as error:
            raise ServerUnreachableError(f"{self._url}: {_cause(error)}") from error

    def _pause(self, response: requests.Response) -> float:
        asked = response.headers.get("Retry-After", "")
        return min(float(asked) if asked.isdecimal() else 1.0, self._max_wait)

    def _answer(self, response: requests.Response) -> dict[str, Any]:
        try:
            answer = response.json()
        except ValueError as error:
            raise ServerRefusedError(self._foreign(response)) from error
        if not isinstance(answer, dict) or "status" not in answer:
            raise ServerRefusedError(self._foreign(response))
        if answer["status"] != "ok":
            details = answer.get("error")
            details = details if isinstance(details, dict) else {}
            message = details.get("message") or f"HTTP status {response.status_code}"
            raise ServerRefusedError(f"{self._url}: {message}", details.get("code"))
        return answer

    def _foreign(self, response: requests.Response) -> str:
        return (
            f"{self._url}: HTTP status {response.status_code}, and the answer is not that of an"
            " AcoustID server"
        )


def is_local(url: str) -> bool:
    """Whether the URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _cause(error: Exception) -> str:
    """Return the innermost reason: what requests says itself repeats the URL and object names."""
    while error.__context__ is not None and isinstance(error.__context__, Exception):
        error = error.__context__
    return getattr(error, "strerror", None) or str(error)
