"""Scripts that people write: every way of saying the same thing."""

from __future__ import annotations

import json

import pytest
import requests

from tests.clients.connection import Address, get, post
from tests.clients.music import CLIENT, NORTHERN_LIGHTS, USER
from tests.installation import fresh_fingerprint
from tests.served import Served

SONG = NORTHERN_LIGHTS.song
GARBAGE = "AQAAthisisnofingerprint"


def title(answer: requests.Response) -> str:
    """Read the answer as most scripts do."""
    answer.raise_for_status()
    data = answer.json()
    assert data["status"] == "ok"
    return str(data["results"][0]["recordings"][0]["title"])


def parameters(meta: str = "recordings releasegroups") -> dict[str, str]:
    """Duration with its decimals, as fpcalc prints it."""
    return {
        "client": CLIENT,
        "duration": f"{SONG.duration}.49",
        "fingerprint": SONG.fingerprint,
        "meta": meta,
    }


@pytest.mark.parametrize(
    "meta",
    ["recordings releasegroups", "recordings+releasegroups", "recordings,releasegroups"],
)
def test_a_lookup_by_query_form_and_parts(catalogue: Served, meta: str) -> None:
    asked = parameters(meta)
    url = f"{catalogue.url}/v2/lookup"
    parts = {name: (None, value) for name, value in asked.items()}
    answers = [
        requests.get(url, params=asked, timeout=5),
        requests.post(url, data=asked, timeout=5),
        requests.post(url, files=parts, timeout=5),
        requests.post(url, params={"client": asked.pop("client")}, data=asked, timeout=5),
    ]
    assert [title(answer) for answer in answers] == ["Northern Lights"] * 4
    assert not any(answer.history for answer in answers)


@pytest.mark.parametrize("path", ["/v2/lookup", "/v2/lookup/", "//v2/lookup"])
def test_a_path_is_never_redirected(address: Address, path: str) -> None:
    asked = parameters()
    query = "&".join(f"{name}={value.replace(' ', '%20')}" for name, value in asked.items())
    for answer in (get(address, f"{path}?{query}"), post(address, path, query)):
        assert answer.status == 200
        assert answer.json["results"][0]["id"] == NORTHERN_LIGHTS.track


def test_a_key_is_tried_with_garbage(catalogue: Served) -> None:
    codes = {}
    for key in (CLIENT, "nobody"):
        asked = {"client": key, "duration": "30", "fingerprint": GARBAGE}
        answer = requests.get(f"{catalogue.url}/v2/lookup", params=asked, timeout=5)
        assert answer.status_code == 400
        codes[key] = answer.json()["error"]["code"]
    assert codes == {CLIENT: 3, "nobody": 4}


def test_a_submission_may_be_waited_for(catalogue: Served) -> None:
    form = {
        "client": CLIENT,
        "user": USER,
        "wait": "10",
        "duration.0": "30.9",
        "fingerprint.0": fresh_fingerprint(seed=501),
        "mbid.0": NORTHERN_LIGHTS.recording,
    }
    answer = requests.post(f"{catalogue.url}/v2/submit", data=form, timeout=20)
    answer.raise_for_status()
    [submission] = answer.json()["submissions"]
    assert submission["status"] == "imported"
    assert submission["result"]["id"]


def test_a_page_elsewhere_may_ask(address: Address) -> None:
    asked = parameters()
    query = "&".join(f"{name}={value.replace(' ', '+')}" for name, value in asked.items())
    answer = get(address, f"/v2/lookup?{query}", {"Origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    # Some search the bytes and do not parse them: blanks and sorted names are part of the answer.
    assert answer.body == json.dumps(answer.json, sort_keys=True).encode()
