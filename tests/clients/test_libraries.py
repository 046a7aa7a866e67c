"""AcoustID.NET, node-acoustid and acoustid-php: libraries that other programs are built on."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from tests.clients.connection import Address, get, post, post_gzip
from tests.clients.music import CLIENT, MANY_RECORDINGS, NORTHERN_LIGHTS, USER, Song
from tests.installation import fresh_fingerprint

DOTNET = {"User-Agent": "AcoustID.NET/2.1"}
NODE_META = "recordings releases releasegroups tracks usermeta sources"


def dotnet_root(body: bytes) -> ET.Element:
    """Read XML, which AcoustID.NET knows by its first bytes."""
    assert body.startswith(b"<?xml")
    root = ET.fromstring(body)
    assert root.tag == "response"
    return root


def dotnet_lookup(address: Address, song: Song, *, compressed: bool) -> ET.Element:
    """Ask with values that are not encoded; long bodies are compressed."""
    body = (
        f"client={CLIENT}&meta=recordings+releasegroups&format=xml"
        f"&duration={song.duration}&fingerprint={song.fingerprint}"
    )
    send = post_gzip if compressed else post
    answer = send(address, "/v2/lookup", body, {**DOTNET, "Expect": "100-continue"})
    assert answer.status == 200
    root = dotnet_root(answer.body)
    assert root.findtext("status") == "ok"
    return root


def test_dotnet_reads_the_elements_of_a_lookup(address: Address) -> None:
    for compressed in (True, False):
        root = dotnet_lookup(address, NORTHERN_LIGHTS.song, compressed=compressed)
        [result] = root.findall("results/result")
        assert result.findtext("id") == NORTHERN_LIGHTS.track
        assert float(result.findtext("score") or "") == 1.0
        [recording] = result.findall("recordings/recording")
        assert recording.findtext("id") == NORTHERN_LIGHTS.recording
        assert recording.findtext("title") == "Northern Lights"
        assert recording.findtext("artists/artist/name") == "Ada Lindqvist"
        groups = recording.findall("releasegroups/releasegroup")
        assert [(one.findtext("title"), one.findtext("type")) for one in groups] == [
            ("Northern Lights", "Single"),
            ("Collected Works", "Album"),
        ]


def test_dotnet_reads_every_recording(address: Address) -> None:
    root = dotnet_lookup(address, MANY_RECORDINGS, compressed=True)
    assert len(root.findall("results/result/recordings/recording/id")) == 8


def test_dotnet_submits_and_asks_what_became_of_it(address: Address) -> None:
    body = (
        f"client={CLIENT}&user={USER}&format=xml&duration.0=30"
        f"&fingerprint.0={fresh_fingerprint(seed=401)}&mbid.0={NORTHERN_LIGHTS.recording}"
    )
    root = dotnet_root(post_gzip(address, "/v2/submit", body).body)
    [submission] = root.findall("submissions/submission")
    assert submission.findtext("status") == "pending"
    number = submission.findtext("id")
    target = f"/v2/submission_status?client={CLIENT}&format=xml&id={number}"
    root = dotnet_root(get(address, target, DOTNET).body)
    assert root.findtext("submissions/submission/id") == number
    assert root.findtext("submissions/submission/status") in {"pending", "imported"}


def test_dotnet_reads_the_message_of_a_bad_request(address: Address) -> None:
    body = "client=nobody&format=xml&duration=30&fingerprint=x"
    answer = post(address, "/v2/lookup", body)
    assert answer.status == 400
    root = dotnet_root(answer.body)
    assert root.findtext("status") == "error"
    assert root.findtext("error/message") == "invalid API key"


def test_node_gets_everything_at_once(address: Address) -> None:
    song = NORTHERN_LIGHTS.song
    meta = NODE_META.replace(" ", "%20")
    body = (
        f"format=json&client={CLIENT}&meta={meta}"
        f"&duration={song.duration}&fingerprint={song.fingerprint}"
    )
    answer = post(address, "/v2/lookup", body)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    [result] = answer.json["results"]
    [recording] = result["recordings"]
    assert recording["title"] == "Northern Lights"
    releases = [one for group in recording["releasegroups"] for one in group["releases"]]
    assert [len(release["mediums"]) for release in releases] == [1, 1, 1]


def test_php_gets_an_exception_for_any_error(address: Address) -> None:
    headers = {"User-Agent": "GuzzleHttp/7"}
    song = NORTHERN_LIGHTS.song
    query = f"duration={song.duration}&fingerprint={song.fingerprint}&meta=recordings"
    good = get(address, f"/v2/lookup?format=json&client={CLIENT}&{query}", headers)
    assert good.status == 200
    assert php_titles(good.json) == ["Northern Lights"]
    bad = get(address, f"/v2/lookup?format=json&client=nobody&{query}", headers)
    assert bad.status == 400


def php_titles(answer: dict[str, Any]) -> list[str]:
    return [one["title"] for result in answer["results"] for one in result["recordings"]]
