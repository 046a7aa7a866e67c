"""MusicBrainz Picard: forms with every blank as %20, and answers read field by field."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.clients.connection import Address, Answer, post
from tests.clients.music import CLIENT, MANY_RECORDINGS, NORTHERN_LIGHTS, USER, Song
from tests.installation import fresh_fingerprint

META = "recordings releasegroups releases tracks compress sources"
HEADERS = {
    "User-Agent": "MusicBrainz-Picard/2.12.3",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "Keep-Alive",
}
# A batch has fewer bytes; a request of a little over a million must pass.
BATCH_BYTES = 1_000_000


def ask(address: Address, endpoint: str, parameters: dict[str, str]) -> Answer:
    own = {"client": CLIENT, "clientversion": "2.12.3", "format": "json"}
    body = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in {**parameters, **own}.items()
    )
    return post(address, f"/v2/{endpoint}", body, HEADERS)


def lookup(address: Address, song: Song) -> list[dict[str, Any]]:
    """Return what Picard makes of each recording; a field that it needs and misses fails."""
    parameters = {"meta": META, "fingerprint": song.fingerprint, "duration": str(song.duration)}
    answer = ask(address, "lookup", parameters)
    assert answer.status == 200
    assert answer.json["status"] == "ok"
    return [
        read_recording(recording, result["id"], result["score"])
        for result in answer.json["results"]
        for recording in ranked(result["recordings"])
    ]


def ranked(recordings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the most submitted first; a rare recording without a title is not looked at."""
    most = max(recording["sources"] for recording in recordings)
    falling = sorted(recordings, key=lambda one: -int(one["sources"]))
    return [one for one in falling if one.get("title") or one["sources"] / most > 0.25]


def read_recording(recording: dict[str, Any], track: str, score: float) -> dict[str, Any]:
    groups = recording.get("releasegroups", [])
    return {
        "id": recording["id"],
        "acoustid": track,
        "score": score,
        "title": recording.get("title"),
        "length": int(recording.get("duration", 0)) * 1000,
        "artists": [(one["id"], one["name"]) for one in recording.get("artists", [])],
        "releases": [release for group in groups for release in read_releases(group)],
    }


def read_releases(group: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an entry for each release and event."""
    releases = []
    for release in group["releases"]:
        known = {
            "id": release["id"],
            "group": group["id"],
            "title": release.get("title") or group["title"],
            "type": group.get("type"),
            "media": [read_medium(medium) for medium in release["mediums"]],
        }
        for event in release.get("releaseevents", [release]):
            releases.append({**known, "country": event.get("country", "")})
    return releases


def read_medium(medium: dict[str, Any]) -> tuple[str | None, int, list[int]]:
    positions = [track["position"] for track in medium["tracks"]]
    return medium.get("format"), medium["track_count"], positions


def test_a_recording_is_read_with_its_releases(address: Address) -> None:
    [found] = lookup(address, NORTHERN_LIGHTS.song)
    assert found["id"] == NORTHERN_LIGHTS.recording
    assert found["acoustid"] == NORTHERN_LIGHTS.track
    assert found["title"] == "Northern Lights"
    assert found["length"] == 215_000
    assert found["artists"] == [("adae078a-1621-46c3-985e-cc427ecaf7ef", "Ada Lindqvist")]
    assert [(one["title"], one["country"], one["media"]) for one in found["releases"]] == [
        ("Northern Lights", "GB", [("CD", 3, [1])]),
        ("Northern Lights (remaster)", "US", [("CD", 4, [2])]),
        ("Collected Works", "DE", [("Enhanced CD", 18, [7])]),
    ]


def test_recordings_are_ranked_by_sources(address: Address) -> None:
    found = lookup(address, MANY_RECORDINGS)
    titles = [one["title"] for one in found]
    # The eighth has no title and 43 sources of at most 342: it is dropped.
    assert titles[:3] == ["Shared Title", "Piece No. 10", "Northern Lights"]
    assert len(titles) == 7
    assert None not in titles


def test_a_submission_of_mbids_puids_and_text(address: Address) -> None:
    first, second = fresh_fingerprint(seed=101), fresh_fingerprint(seed=102)
    parameters = {
        "user": USER,
        "fingerprint.0": first,
        "duration.0": "30",
        "puid.0": "4d560968-ba88-4e9e-abd7-09b553b7fbaf",
        "mbid.0": NORTHERN_LIGHTS.recording,
        "fingerprint.1": second,
        "duration.1": "31",
        "track.1": "Ünïcode & more = 100 %",
        "artist.1": "夜",
        "album.1": "One + Two",
        "albumartist.1": "Various Artists",
        "trackno.1": "3",
        "discno.1": "1",
        "year.1": "1999",
    }
    answer = ask(address, "submit", parameters)
    assert answer.status == 200
    submissions = answer.json["submissions"]
    assert [(one["index"], one["status"]) for one in submissions] == [
        ("0", "pending"),
        ("1", "pending"),
    ]


def test_a_full_batch_is_taken(address: Address) -> None:
    parameters = {"user": USER}
    while sum(len(name) + len(value) + 2 for name, value in parameters.items()) < BATCH_BYTES:
        number = len(parameters) // 3
        parameters |= {
            f"fingerprint.{number}": fresh_fingerprint(seed=1000 + number, hashes=4000),
            f"duration.{number}": "500",
            f"mbid.{number}": f"00000000-0000-4000-8000-{number:012d}",
        }
    answer = ask(address, "submit", parameters)
    assert answer.status == 200
    assert len(answer.json["submissions"]) == len(parameters) // 3 > 50


def test_a_batch_that_is_too_large_is_told_by_the_status(address: Address) -> None:
    parameters = {"user": USER, "fingerprint.0": "A" * 1_100_000, "duration.0": "30"}
    answer = ask(address, "submit", parameters)
    # For this status alone Picard tries again with a smaller batch.
    assert answer.status == 413
    assert answer.json["error"]["message"]


def test_an_error_has_a_message(address: Address) -> None:
    answer = ask(address, "submit", {"user": "nobody", "fingerprint.0": "x", "duration.0": "1"})
    assert answer.status == 400
    assert answer.json["error"]["message"] == "invalid user API key"
