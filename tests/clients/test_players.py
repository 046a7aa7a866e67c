"""Strawberry, Mixxx and Kid3: one file, and the recordings' identifiers alone."""

from __future__ import annotations

import re
import uuid
from typing import Any
from urllib.parse import urlencode

from tests.clients.connection import Address, get, post, post_gzip
from tests.clients.music import (
    CLIENT,
    MANY_RECORDINGS,
    MANY_TRACKS,
    NORTHERN_LIGHTS,
    UNICODE_SONG,
    Song,
)
from tests.installation import fresh_fingerprint

UNKNOWN = Song(30, fresh_fingerprint(seed=301))
QT_HEADERS = {
    "User-Agent": "Mozilla/5.0",
    "Accept-Encoding": "gzip, deflate",
    "Accept-Language": "en,*",
    "Connection": "Keep-Alive",
}


def strawberry(address: Address, song: Song) -> list[str]:
    """Ask as Strawberry does, with a + that is not escaped; the most submitted come first."""
    body = (
        f"format=json&client={CLIENT}&duration={song.duration}"
        f"&meta=recordingids+sources&fingerprint={song.fingerprint}"
    )
    answer = post(address, "/v2/lookup", body, QT_HEADERS)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    recordings = [
        recording for result in answer.json["results"] for recording in result.get("recordings", [])
    ]
    assert all(type(recording["sources"]) is int for recording in recordings)
    return [one["id"] for one in sorted(recordings, key=lambda one: -int(one["sources"]))]


def mixxx(address: Address, song: Song) -> list[uuid.UUID]:
    """Ask as Mixxx does; it reads until the score falls below the first one."""
    query = {"format": "json", "client": CLIENT, "meta": "recordingids"}
    body = urlencode({**query, "fingerprint": song.fingerprint, "duration": song.duration})
    answer = post_gzip(address, "/v2/lookup", body, QT_HEADERS)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    results: list[dict[str, Any]] = answer.json["results"]
    scores = [result["score"] for result in results]
    assert all(0 <= score <= 1 for score in scores)
    assert scores == sorted(scores, reverse=True)
    found: list[uuid.UUID] = []
    for result in results:
        if found and result["score"] < scores[0]:
            break
        found += [uuid.UUID(recording["id"]) for recording in result.get("recordings", [])]
    return found


def kid3(address: Address, song: Song) -> list[str]:
    """Ask as Kid3 does; it does not parse JSON but looks for bytes, blanks included."""
    target = (
        f"/v2/lookup?client={CLIENT}&meta=recordingids&duration={song.duration}"
        f"&fingerprint={song.fingerprint}"
    )
    answer = get(address, target, {"User-Agent": "Mozilla/5.0", "Connection": "Keep-Alive"})
    assert b'"status": "ok"' in answer.body
    _, found, rest = answer.body.partition(b'"recordings": [')
    recordings, _, _ = rest.partition(b"]")
    return re.findall(r'"id":\s*"([^"]+)"', recordings.decode("latin-1")) if found else []


def test_strawberry_gets_the_most_submitted_recording_first(address: Address) -> None:
    assert strawberry(address, NORTHERN_LIGHTS.song) == [NORTHERN_LIGHTS.recording]
    found = strawberry(address, MANY_RECORDINGS)
    assert found[0] == "23800c0a-b8fa-4d7b-a347-afa1c4533a9f"
    assert len(found) == 8
    assert strawberry(address, UNKNOWN) == []


def test_mixxx_reads_the_best_results_alone(address: Address) -> None:
    assert mixxx(address, NORTHERN_LIGHTS.song) == [uuid.UUID(NORTHERN_LIGHTS.recording)]
    assert len(mixxx(address, MANY_TRACKS)) == 1
    assert len(mixxx(address, MANY_RECORDINGS)) == 8
    assert mixxx(address, UNKNOWN) == []


def test_kid3_finds_the_bytes_it_looks_for(address: Address) -> None:
    assert kid3(address, UNICODE_SONG.song) == [UNICODE_SONG.recording]
    assert len(kid3(address, MANY_RECORDINGS)) == 8
    assert kid3(address, UNKNOWN) == []
