"""pyacoustid, unmodified, against the served process over a real socket."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import acoustid
import pytest

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, example
from tests.installation import fresh_fingerprint, recordings
from tests.served import Served

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service as a newcomer starts it: nothing configured, the demo catalogue loaded."""
    folder: Path = tmp_path_factory.mktemp("pyacoustid")
    with Served.start({"FPSERVICE_DATA": str(folder)}, "--demo") as running:
        acoustid.set_base_url(f"{running.url}/v2/")
        yield running


def test_lookup_finds_real_music_by_a_distorted_copy(served: Served) -> None:
    short = example()
    answer = acoustid.lookup(
        APPLICATION_KEY, short.fingerprint, short.duration, meta=["recordings", "usermeta"]
    )
    assert answer["status"] == "ok"
    assert answer["results"][0]["recordings"][0]["title"] == short.title


def test_a_submission_is_found_within_two_seconds(served: Served) -> None:
    new = fresh_fingerprint(seed=5)
    entry = {"duration": 30, "fingerprint": new, "mbid": MBID, "bitrate": 320}
    ids = [one["id"] for one in acoustid.submit(APPLICATION_KEY, USER_KEY, entry)["submissions"]]
    deadline = time.monotonic() + 2
    results: list[tuple[float, str, str | None, str | None]] = []
    while not results and time.monotonic() < deadline:
        answer = acoustid.lookup(APPLICATION_KEY, new, 30, meta=["recordings"])
        results = list(acoustid.parse_lookup_result(answer))
    assert [(score, mbid) for score, mbid, _, _ in results] == [(1.0, MBID)]
    status = acoustid.get_submission_status(APPLICATION_KEY, ids[0])["submissions"][0]
    assert status["status"] == "imported"
    assert status["result"]["id"] == answer["results"][0]["id"]


def test_errors_are_told(served: Served) -> None:
    for key, fingerprint, error in (
        ("nobody", recordings()[0]["fingerprint"], "invalid API key"),
        (APPLICATION_KEY, "x", "invalid fingerprint"),
    ):
        answer = acoustid.lookup(key, fingerprint, 71)
        assert error in answer["error"]["message"]
        with pytest.raises(acoustid.WebServiceError):
            list(acoustid.parse_lookup_result(answer))


def test_too_large_a_request_is_told_too(served: Served) -> None:
    entry = {"duration": 30, "fingerprint": "A" * 1_100_000}
    # What is sent is compressed and small: it is refused for what it would become.
    with pytest.raises(acoustid.WebServiceError, match="error 19: request too large"):
        acoustid.submit(APPLICATION_KEY, USER_KEY, entry, timeout=5)
