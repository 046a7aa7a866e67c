"""What clients make of a service that has had enough of their requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import acoustid
import pytest

from tests.clients.connection import Address, Answer, post, post_gzip
from tests.clients.music import LIMITED, NORTHERN_LIGHTS
from tests.served import Served

SONG = NORTHERN_LIGHTS.song
FORM = f"client={LIMITED.apikey}&format=json"
# Each process of the service counts for itself: several requests may pass.
TRIES = 30


def refused(ask: Callable[[], Answer]) -> Answer:
    """Ask until the limit is reached."""
    for _ in range(TRIES):
        answer = ask()
        if answer.status != 200:
            return answer
    raise AssertionError("no request was refused")


def test_picard_sees_the_status(address: Address) -> None:
    body = f"{FORM}&duration={SONG.duration}&fingerprint={SONG.fingerprint}"
    answer = refused(lambda: post(address, "/v2/lookup", body))
    assert answer.status == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_lidarr_sees_the_code(address: Address) -> None:
    body = f"{FORM}&batch=1&duration.0={SONG.duration}&fingerprint.0={SONG.fingerprint}"
    answer = refused(lambda: post_gzip(address, "/v2/lookup", body))
    assert answer.json["status"] == "error"
    assert answer.json["error"]["code"] == 14


def test_pyacoustid_sees_the_message(catalogue: Served) -> None:
    acoustid.set_base_url(f"{catalogue.url}/v2/")
    answer: dict[str, Any] = {"status": "ok"}
    for _ in range(TRIES):
        if answer["status"] != "ok":
            break
        answer = acoustid.lookup(LIMITED.apikey, SONG.fingerprint, SONG.duration, timeout=5)
    assert re.match(r"rate limit .* exceeded, try again later", answer["error"]["message"])
    with pytest.raises(acoustid.WebServiceError):
        list(acoustid.parse_lookup_result(answer))
