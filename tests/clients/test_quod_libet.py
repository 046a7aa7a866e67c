"""Quod Libet: compressed batches of five, a literal + in ``meta``, and submissions in XML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode
from xml.dom.minidom import parseString

from tests.clients.connection import Address, post, post_gzip
from tests.clients.music import (
    CLIENT,
    MANY_RECORDINGS,
    NORTHERN_LIGHTS,
    UNICODE_SONG,
    USER,
    Song,
)
from tests.installation import fresh_fingerprint

VARIOUS_ARTISTS = "89ad4ac3-39f7-470e-963a-56509c546377"
HEADERS = {"User-Agent": "Python-urllib/3.11", "Accept-Encoding": "identity"}


def lookup(address: Address, songs: Sequence[Song]) -> list[list[dict[str, Any]]]:
    """Return the releases that each song is on."""
    parts = [urlencode({"format": "json", "client": CLIENT, "batch": "1"})]
    parts += [
        urlencode({f"duration.{number}": song.duration, f"fingerprint.{number}": song.fingerprint})
        for number, song in enumerate(songs)
    ]
    body = "&".join([*parts, "meta=releases+recordings+tracks+sources"])
    answer = post_gzip(address, "/v2/lookup", body, {**HEADERS, "Connection": "close"})
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    found = {one["index"]: read_releases(one) for one in answer.json["fingerprints"]}
    # It looks with a number for what it got from JSON: "0" would be another key.
    return [found.get(number, []) for number in range(len(songs))]


def read_releases(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        read_release(release, recording)
        for result in answer["results"]
        for recording in result["recordings"]
        for release in recording.get("releases", [])
    ]


def read_release(release: dict[str, Any], recording: dict[str, Any]) -> dict[str, Any]:
    """Return the tags; most fields are taken without a look whether they are there."""
    medium = release["mediums"][0]
    track = medium["tracks"][0]
    date = [release.get("date", {}).get(part) for part in ("year", "month", "day")]
    return {
        "track id": track["id"],
        "recording id": recording["id"],
        "sources": recording["sources"],
        "artists": [(one["name"], one["id"]) for one in recording.get("artists", [])],
        "title": track.get("title", ""),
        "album": release.get("title", ""),
        "albumartist": [
            one["name"] for one in release.get("artists", []) if one["id"] != VARIOUS_ARTISTS
        ],
        "date": "-".join(f"{part:02d}" for part in date if part is not None),
        "disc": f"{medium['position']:d}/{release['medium_count']:d}",
        "track": f"{track['position']:d}/{medium['track_count']:d}",
    }


def test_songs_get_the_tags_of_their_releases(address: Address) -> None:
    unknown = Song(30, fresh_fingerprint(seed=201))
    songs = [NORTHERN_LIGHTS.song, unknown, MANY_RECORDINGS, UNICODE_SONG.song]
    first, nothing, many, last = lookup(address, songs)
    assert nothing == []
    assert {one["recording id"] for one in first} == {NORTHERN_LIGHTS.recording}
    assert {one["recording id"] for one in last} == {UNICODE_SONG.recording}
    assert len({one["recording id"] for one in many}) == 7
    assert first[2] == {
        "track id": "15cc1e9a-7117-4ca0-9f2e-56b15434de4e",
        "recording id": NORTHERN_LIGHTS.recording,
        "sources": 21,
        "artists": [("Ada Lindqvist", "adae078a-1621-46c3-985e-cc427ecaf7ef")],
        "title": "Northern Lights",
        "album": "Collected Works",
        "albumartist": ["The Paper Lanterns"],
        "date": "2015-11",
        "disc": "2/2",
        "track": "7/18",
    }


def test_a_submission_with_several_artists_is_answered_in_xml(address: Address) -> None:
    song = [
        ("duration.0", "30"),
        ("fingerprint.0", fresh_fingerprint(seed=202)),
        ("bitrate.0", "320"),
        ("fileformat.0", "MP3"),
        ("track.0", "Ünïcode & more"),
        ("artist.0", "First"),
        ("artist.0", "Second"),
        ("album.0", "An Album"),
        ("year.0", "2001"),
        ("trackno.0", "3"),
    ]
    account = urlencode({"format": "xml", "client": CLIENT, "user": USER})
    body = "&".join([account, urlencode(song)])
    answer = post_gzip(address, "/v2/submit", body, HEADERS)
    assert answer.status == 200
    [status] = parseString(answer.body).getElementsByTagName("status")[:1]
    assert status.childNodes[0].nodeValue == "ok"


def test_fifty_songs_are_submitted_at_once(address: Address) -> None:
    body = urlencode({"format": "xml", "client": CLIENT, "user": USER})
    for number in range(50, 100):
        mbid = f"00000000-0000-4000-9000-{number:012d}"
        body += "&" + urlencode(
            {
                f"duration.{number}": 30,
                f"fingerprint.{number}": fresh_fingerprint(seed=2000 + number),
                f"mbid.{number}": mbid,
            }
        )
    answer = post_gzip(address, "/v2/submit", body, HEADERS)
    assert answer.status == 200
    assert len(parseString(answer.body).getElementsByTagName("submission")) == 50


def test_an_error_is_xml_too(address: Address) -> None:
    body = urlencode({"format": "xml", "client": CLIENT, "user": "nobody"})
    answer = post(address, "/v2/submit", body, HEADERS)
    assert answer.status == 400
    [status] = parseString(answer.body).getElementsByTagName("status")
    assert status.childNodes[0].nodeValue == "error"
