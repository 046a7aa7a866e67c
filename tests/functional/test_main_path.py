"""Submit, import, look up: the main job over WSGI."""

from __future__ import annotations

import json
import threading
import time
import xml.etree.ElementTree as ET

import pytest

from fpservice.domain import fingerprint
from fpservice.index.embedded import EmbeddedIndex
from tests.installation import APPLICATION_KEY, USER_KEY, Installation, recordings
from tests.shapes import Shape

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"
OTHER_MBID = "12b15c40-9787-49da-b9cf-4efb71aaf54f"


def song(number: int = 0) -> dict[str, object]:
    one = recordings()[number]
    return {"duration": one["duration"], "fingerprint": one["fingerprint"]}


def test_a_submission_is_pending_then_imported_then_found(installation: Installation) -> None:
    assert installation.call("/v2/lookup", **song())["results"] == []
    [submission] = installation.submit(**song(), mbid=MBID.upper())
    assert installation.status(submission) == [{"id": submission, "status": "pending"}]
    installation.import_all()
    [status] = installation.status(submission)
    found = installation.call("/v2/lookup", **song(), meta="recordings sources")
    assert status["status"] == "imported"
    assert found["results"] == [
        {
            "id": status["result"]["id"],
            "score": 1.0,
            "recordings": [{"id": MBID, "sources": 1}],
        }
    ]


def test_a_cut_recording_is_found_by_its_true_duration(installation: Installation) -> None:
    installation.submit(**song(3), track="A Song")
    installation.import_all()
    whole = fingerprint.decode(recordings()[3]["fingerprint"])
    cut = {**song(3), "fingerprint": fingerprint.encode(whole[:240])}
    [result] = installation.call("/v2/lookup", **cut)["results"]
    assert result["score"] > 0.9


def test_recordings_come_by_falling_number_of_sources(installation: Installation) -> None:
    for mbid in (OTHER_MBID, MBID, MBID):
        installation.submit(**song(), mbid=mbid)
    installation.import_all()
    [result] = installation.call("/v2/lookup", **song(), meta="recordings,sources")["results"]
    assert result["recordings"] == [
        {"id": MBID, "sources": 2},
        {"id": OTHER_MBID, "sources": 1},
    ]


def test_submitted_text_is_shown_when_asked_for(installation: Installation) -> None:
    installation.submit(**song(), track=" Some \x00 Song", artist="Some\nbody", year=1999)
    installation.import_all()
    [plain] = installation.call("/v2/lookup", **song(), meta="recordings")["results"]
    [with_text] = installation.call("/v2/lookup", **song(), meta="recordings usermeta")["results"]
    assert "recordings" not in plain
    assert with_text["recordings"] == [{"title": "Some Song", "artists": ["Some body"]}]


def test_each_mbid_is_a_submission_of_its_own(installation: Installation) -> None:
    answer = installation.call(
        "/v2/submit", user=USER_KEY, **{"duration.4": 100, "mbid.4": [MBID, OTHER_MBID]},
        **{"fingerprint.4": song()["fingerprint"]},
    )  # fmt: skip
    assert [entry["index"] for entry in answer["submissions"]] == ["4", "4"]


def test_nothing_to_link_is_listed_and_rejected_with_a_reason(installation: Installation) -> None:
    answer = installation.call("/v2/submit", user=USER_KEY, **song())
    [entry] = answer["submissions"]
    assert "no metadata" in entry["reason"]
    installation.import_all()
    [status] = installation.status(entry["id"])
    assert status["status"] == "rejected"
    assert "no metadata" in status["reason"]


def test_a_short_fingerprint_is_rejected_with_a_reason(installation: Installation) -> None:
    short = fingerprint.encode(fingerprint.decode(str(song()["fingerprint"]))[:60])
    [submission] = installation.submit(duration=20, fingerprint=short, mbid=MBID)
    installation.import_all()
    [status] = installation.status(submission)
    assert status["status"] == "rejected"
    assert "distinct" in status["reason"]


def test_the_same_music_twice_is_one_track_and_one_fingerprint(installation: Installation) -> None:
    ids = installation.submit(**song(), mbid=MBID) + installation.submit(**song(), mbid=MBID)
    installation.import_all()
    first, second = installation.status(*ids)
    assert first["result"] == second["result"]
    assert installation.parts.index.status().fingerprints == 1


def test_an_unknown_submission_is_unknown(installation: Installation) -> None:
    assert installation.status(987654321, 10**30) == [
        {"id": 987654321, "status": "unknown"},
        {"id": 10**30, "status": "unknown"},
    ]


def test_a_bad_query_among_several_is_skipped_and_named(installation: Installation) -> None:
    installation.submit(**song(), mbid=MBID)
    installation.import_all()
    answer = installation.call(
        "/v2/lookup",
        **{"batch": 1, "fingerprint.0": "garbage", "duration.0": 10},
        **{"fingerprint.7": song()["fingerprint"], "duration.7": song()["duration"]},
    )
    assert [entry["index"] for entry in answer["fingerprints"]] == [7]
    assert [(one["index"], one["code"]) for one in answer["errors"]] == [(0, 3)]


def test_a_bad_entry_of_several_is_reported(installation: Installation) -> None:
    answer = installation.call(
        "/v2/submit",
        user=USER_KEY,
        **{"fingerprint.0": song()["fingerprint"], "duration.0": 10, "mbid.0": MBID},
        **{"fingerprint.1": song()["fingerprint"], "duration.1": 10, "mbid.1": "bad"},
    )
    assert len(answer["submissions"]) == 1
    assert [(one["index"], one["code"]) for one in answer["errors"]] == [("1", 7)]


@pytest.mark.parametrize("kind", ["xml", "jsonp"])
def test_answers_come_in_the_format_asked_for(installation: Installation, kind: str) -> None:
    answer = installation.client.get(
        "/v2/submission_status",
        query_string={"client": APPLICATION_KEY, "format": kind, "jsoncallback": "a.b", "id": 5},
    )
    if kind == "xml":
        root = ET.fromstring(answer.data)
        assert root.findtext("submissions/submission/status") == "unknown"
    else:
        assert answer.data.startswith(b"a.b(")
        assert json.loads(answer.data[4:-1])["status"] == "ok"


def test_a_track_id_answers_its_track(installation: Installation) -> None:
    [submission] = installation.submit(**song(), mbid=MBID)
    installation.import_all()
    gid = installation.status(submission)[0]["result"]["id"]
    answer = installation.call("/v2/lookup", trackid=gid.upper(), meta="recordingids")
    assert answer["results"] == [{"id": gid, "score": 1.0, "recordings": [{"id": MBID}]}]


def test_the_catalogue_shows_what_was_imported(installation: Installation) -> None:
    [submission] = installation.submit(**song(), mbid=MBID)
    installation.import_all()
    gid = installation.status(submission)[0]["result"]["id"]
    one = installation.call("/v2/track/list_by_mbid", mbid=MBID)
    assert one["tracks"] == [{"id": gid}]
    both = installation.call("/v2/track/list_by_mbid", mbid=[MBID, OTHER_MBID], batch=1)
    assert {entry["mbid"]: entry["tracks"] for entry in both["mbids"]} == {
        MBID: [{"id": gid}],
        OTHER_MBID: [],
    }


def test_health_pages(installation: Installation) -> None:
    for path in ("/_health", "/_health_ro", "/_health_docker"):
        answer = installation.client.get(path)
        assert answer.status_code == 200, answer.data
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_health_looks_at_the_parts_that_the_shape_has(
    installation: Installation, shape: Shape
) -> None:
    answer = installation.client.get("/_health").json
    assert answer is not None
    servers = {"nats", "redis", "database_musicbrainz"} & set(answer["checks"])
    assert len(servers) == (3 if shape.name == "stack" else 0)
    assert isinstance(installation.parts.index, EmbeddedIndex) == (shape.name == "embedded")


def test_keys_work_at_once_and_stop_working_when_disabled(installation: Installation) -> None:
    made = installation.call("/v2/user/create_anonymous")["user"]["apikey"]
    assert installation.call("/v2/user/lookup", user=made)["user"] == {"apikey": made}
    error = installation.call("/v2/user/lookup", user="nobody")["error"]
    assert error["code"] == 6
    swapped = installation.client.get(f"/v2/lookup?client={USER_KEY}").json
    assert swapped is not None
    assert "user key" in swapped["error"]["message"]


def test_json_bodies_and_lists_of_objects(installation: Installation) -> None:
    installation.submit(**song(), mbid=MBID)
    installation.import_all()
    one = installation.client.post(
        "/v2/lookup", json={"client": APPLICATION_KEY, **song(), "meta": ["recordingids"]}
    )
    many = installation.client.post(
        "/v2/lookup",
        json={"client": APPLICATION_KEY, "batch": True, "queries": [song(1), song(0)]},
    )
    assert one.json is not None
    assert many.json is not None
    assert one.json["results"][0]["recordings"] == [{"id": MBID}]
    assert [len(entry["results"]) for entry in many.json["fingerprints"]] == [0, 1]


def test_waiting_answers_the_state_after_the_import(installation: Installation) -> None:
    importing = threading.Timer(0.3, installation.import_all)
    importing.start()
    answer = installation.call("/v2/submit", user=USER_KEY, **song(), mbid=MBID, wait=5)
    importing.join()
    [entry] = answer["submissions"]
    assert entry["status"] == "imported"
    assert entry["result"] == installation.status(entry["id"])[0]["result"]


def test_waiting_ends_in_time(installation: Installation) -> None:
    started = time.monotonic()
    answer = installation.call("/v2/submit", user=USER_KEY, **song(), mbid=MBID, wait=1)
    assert answer["submissions"][0]["status"] == "pending"
    assert 0.9 < time.monotonic() - started < 4


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("X-Request-Id", "abc-1", "abc-1"),
        ("traceparent", f"00-{'a' * 32}-{'b' * 16}-01", "a" * 32),
        ("X-Request-Id", "<script>", None),
        ("X-Request-Id", "x" * 65, None),
    ],
)
def test_the_request_id_is_echoed(
    installation: Installation, name: str, value: str, expected: str | None
) -> None:
    answer = installation.client.get("/_health_docker", headers={name: value})
    echoed = answer.headers["X-Request-Id"]
    assert echoed == expected if expected else echoed not in ("", value)
