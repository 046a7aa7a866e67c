"""Lidarr: a whole album in one compressed request."""

from __future__ import annotations

from collections.abc import Sequence

from tests.clients.connection import Address, post_gzip
from tests.clients.music import (
    CLIENT,
    MANY_RECORDINGS,
    MANY_TRACKS,
    NORTHERN_LIGHTS,
    UNICODE_SONG,
    Song,
)

HEADERS = {"User-Agent": "Lidarr/2.9.6.4552 (debian 12)", "Accept-Encoding": "gzip"}
THRESHOLD = 0.9


def identify(address: Address, files: Sequence[Song]) -> dict[int, list[str]]:
    """Return the recordings of each file by its number, as far as there are any."""
    body = f"client={CLIENT}&format=json&meta=recordingids&batch=1"
    for number, song in enumerate(files):
        body += f"&duration.{number}={song.duration:.0f}&fingerprint.{number}={song.fingerprint}"
    answer = post_gzip(address, "/v2/lookup", body, HEADERS)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    found = {}
    for one in answer.json["fingerprints"]:
        # Its JSON reader takes nothing but a number for this field.
        assert type(one["index"]) is int
        good = [result for result in one["results"] if result["score"] > THRESHOLD]
        recordings = [id for result in good for id in result.get("recordings", [])]
        if one["results"]:
            found[one["index"]] = list(dict.fromkeys(recording["id"] for recording in recordings))
    return found


def test_an_album_is_identified(address: Address) -> None:
    album = [NORTHERN_LIGHTS.song, MANY_RECORDINGS, MANY_TRACKS, UNICODE_SONG.song]
    found = identify(address, album)
    assert list(found) == [0, 1, 2, 3]
    assert found[0] == [NORTHERN_LIGHTS.recording]
    assert found[3] == [UNICODE_SONG.recording]
    assert len(found[1]) == 8


def test_files_without_a_fingerprint_do_not_fail_the_others(address: Address) -> None:
    album = [
        Song(0, ""),
        NORTHERN_LIGHTS.song,
        Song(100, "thisisnotafingerprint"),
        UNICODE_SONG.song,
    ]
    assert identify(address, album) == {
        1: [NORTHERN_LIGHTS.recording],
        3: [UNICODE_SONG.recording],
    }


def test_an_album_of_twenty_is_taken(address: Address) -> None:
    found = identify(address, [NORTHERN_LIGHTS.song] * 20)
    assert found == {number: [NORTHERN_LIGHTS.recording] for number in range(20)}
