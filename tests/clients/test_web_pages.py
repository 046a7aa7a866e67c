"""MusicBrainz's web site and scripts in browsers: which tracks do recordings have?"""

from __future__ import annotations

import json
import re
from typing import Any
from xml.etree import ElementTree as ET

from tests.clients.connection import Address, get, post
from tests.clients.music import NORTHERN_LIGHTS, UNICODE_SONG

PATH = "/v2/track/list_by_mbid"
UNKNOWN = "ffffffff-1787-47fb-994d-a5a342446525"
BROWSER = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "*/*",
    "Origin": "https://musicbrainz.org",
    "Referer": "https://musicbrainz.org/",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}


def by_mbid(answer: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Key the tracks by the identifier as the answer spells it; a page looks with its own."""
    assert answer["status"] == "ok"
    return {one["mbid"]: one["tracks"] for one in answer["mbids"]}


def test_the_site_finds_tracks_under_the_identifier_it_asked_for(address: Address) -> None:
    asked = [NORTHERN_LIGHTS.recording, UNICODE_SONG.recording.upper(), UNKNOWN]
    query = "format=json&disabled=1&batch=1" + "".join(f"&mbid={mbid}" for mbid in asked)
    answer = get(address, f"{PATH}?{query}", BROWSER)
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    found = by_mbid(answer.json)
    assert list(found) == asked
    assert NORTHERN_LIGHTS.track in [track["id"] for track in found[asked[0]]]
    disabled = [track.get("disabled", False) for track in found[asked[1]]]
    assert set(disabled) == {True, False}
    assert found[UNKNOWN] == []


def test_the_older_page_asks_for_one_recording(address: Address) -> None:
    query = f"format=json&disabled=1&mbid={NORTHERN_LIGHTS.recording}"
    answer = get(address, f"{PATH}?{query}", BROWSER)
    assert NORTHERN_LIGHTS.track in [track["id"] for track in answer.json["tracks"]]


def test_an_error_may_be_read_by_a_page(address: Address) -> None:
    answer = get(address, f"{PATH}?format=json&mbid=nonsense", BROWSER)
    assert answer.status == 400
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.json["error"]["code"] == 7


def test_a_script_counts_on_the_order_of_the_answer(address: Address) -> None:
    asked = [UNICODE_SONG.recording, UNKNOWN, NORTHERN_LIGHTS.recording]
    body = f"client=P9e1TIJs7g&mbid={'&mbid='.join(asked)}&batch=1&disabled=0"
    answer = post(address, PATH, body, BROWSER)
    tracks = [[track["id"] for track in one["tracks"]] for one in answer.json["mbids"]]
    assert len(tracks) == 3
    assert NORTHERN_LIGHTS.track in tracks[2]
    assert tracks[1] == []
    assert all("disabled" not in track for one in answer.json["mbids"] for track in one["tracks"])


def test_a_script_is_called_back(address: Address) -> None:
    for named, callback in (
        ("&jsoncallback=jQuery1102_17000000.cb", "jQuery1102_17000000.cb"),
        ("", "jsonAcoustidApi"),
        ("&jsoncallback=alert(1)", "jsonAcoustidApi"),
    ):
        query = f"format=jsonp&batch=1{named}&mbid={NORTHERN_LIGHTS.recording}"
        answer = get(address, f"{PATH}?{query}", BROWSER)
        assert answer.headers["content-type"].startswith("application/javascript")
        called = re.fullmatch(rf"{re.escape(callback)}\((.*)\);?", answer.body.decode())
        assert called, answer.body[:100]
        assert NORTHERN_LIGHTS.recording in by_mbid(json.loads(called[1]))


def test_a_script_reads_xml(address: Address) -> None:
    body = f"format=xml&batch=1&mbid={NORTHERN_LIGHTS.recording}&mbid={UNKNOWN}"
    answer = post(address, PATH, body, BROWSER)
    root = ET.fromstring(answer.body)
    found = {
        one.findtext("mbid"): [track.text for track in one.findall("tracks/track/id")]
        for one in root.findall("mbids/mbid")
    }
    assert NORTHERN_LIGHTS.track in found[NORTHERN_LIGHTS.recording]
    assert found[UNKNOWN] == []
