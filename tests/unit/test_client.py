"""The client asks as AcoustID's do, and says clearly what went wrong."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.client.errors import (
    AudioError,
    ClientError,
    FpcalcMissingError,
    ServerRefusedError,
    ServerUnreachableError,
)
from fpservice.client.fpcalc import fingerprint_file
from fpservice.client.identification import identify_files
from fpservice.client.results import Recording, SubmissionState, lookup_results
from fpservice.client.server import MAX_TRIES, Server, is_local
from tests.unit.acoustid_server import (
    FINGERPRINT,
    FOUND,
    MBID,
    NOTHING,
    TRACK,
    AcoustidServer,
    Answer,
    serving,
    write_fpcalc,
)


@pytest.fixture
def known() -> Iterator[AcoustidServer]:
    with serving() as server:
        yield server


@pytest.fixture
def server(known: AcoustidServer) -> Server:
    return Server(known.url, "the-key", max_wait=0.01)


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    path = tmp_path / "-song one.flac"
    path.write_bytes(b"music")
    return path


def test_results_come_best_first_with_their_recordings(
    known: AcoustidServer, server: Server
) -> None:
    known.answers["/v2/lookup"] = [Answer(FOUND)]
    best, other = server.lookup(FINGERPRINT, 638.9, "recordings usermeta")
    assert (best.track_id, best.score) == (TRACK, 0.987654)
    assert (best.best.id, best.best.artist) == (MBID, "M83 & Friends")
    assert other.best == Recording(None, None, None)
    [(path, asked)] = known.asked
    assert path == "/v2/lookup"
    assert asked["client"] == ["the-key"]
    assert asked["fingerprint"] == [FINGERPRINT]
    assert asked["duration"] == ["638"]
    assert asked["meta"] == ["recordings usermeta"]
    assert known.headers[0]["User-Agent"].startswith("fpservice/")


def test_artists_of_submitted_text_may_be_plain_words() -> None:
    recordings = [{"title": "A", "artists": ["B", {"name": "C"}]}]
    [one] = lookup_results({"results": [{"id": TRACK, "score": 1, "recordings": recordings}]})
    assert one.best == Recording(None, "A", "B, C")


def test_the_message_of_the_server_is_told(known: AcoustidServer, server: Server) -> None:
    error = {"status": "error", "error": {"code": 4, "message": "invalid API key"}}
    known.answers["/v2/lookup"] = [Answer(error, 400)]
    with pytest.raises(ServerRefusedError, match="invalid API key") as caught:
        server.lookup(FINGERPRINT, 10)
    assert caught.value.code == 4


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"status": "error", "error": "?"}',
        b'{"status": "ok"}',
        b'{"status": "ok", "results": [{"id": "x"}]}',
        b'{"status": "ok", "results": [7]}',
    ],
)
def test_what_is_no_answer_of_acoustid_is_an_error(
    known: AcoustidServer, server: Server, body: bytes
) -> None:
    known.answers["/v2/lookup"] = [Answer(body)]
    with pytest.raises(ServerRefusedError):
        server.lookup(FINGERPRINT, 10)


def test_a_busy_server_is_asked_again(known: AcoustidServer, server: Server) -> None:
    busy = Answer({"status": "error", "error": {"code": 14}}, 429, {"Retry-After": "3600"})
    known.answers["/v2/lookup"] = [busy, Answer(b"", 503), Answer(NOTHING)]
    assert server.lookup(FINGERPRINT, 10) == []
    assert len(known.asked) == 3


def test_a_server_that_stays_busy_is_given_up(known: AcoustidServer, server: Server) -> None:
    known.answers["/v2/lookup"] = [Answer({"status": "error", "error": {"code": 13}}, 503)]
    with pytest.raises(ServerRefusedError, match="503"):
        server.lookup(FINGERPRINT, 10)
    assert len(known.asked) == MAX_TRIES


def test_no_server_is_said_in_plain_words() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(ServerUnreachableError, match="Connection refused"):
            Server(url, "key").lookup(FINGERPRINT, 10)


@pytest.mark.parametrize("url", ["localhost:5000", "ftp://localhost", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ClientError, match="not a URL"):
        Server(url, "key")


@pytest.mark.parametrize("ending", ["/", "/v2", ""])
def test_the_url_may_end_as_it_likes(known: AcoustidServer, ending: str) -> None:
    known.answers["/v2/lookup"] = [Answer(NOTHING)]
    assert Server(known.url + ending, "key").lookup(FINGERPRINT, 10) == []


def test_submissions_carry_their_metadata(known: AcoustidServer, server: Server) -> None:
    states = [{"id": 7, "status": "pending"}, {"id": 8, "status": "rejected", "reason": "silent"}]
    known.answers["/v2/submit"] = [Answer({"status": "ok", "submissions": states})]
    metadata = {"mbid": [MBID, TRACK], "artist": "Ölçü", "year": 1999, "album": None}
    found = server.submit("user", FINGERPRINT, 10.5, metadata)
    assert found == [
        SubmissionState(7, "pending", None, None),
        SubmissionState(8, "rejected", None, "silent"),
    ]
    [(_, asked)] = known.asked
    assert asked["mbid"] == [MBID, TRACK]
    assert (asked["artist"], asked["year"], asked["user"]) == (["Ölçü"], ["1999"], ["user"])
    assert "album" not in asked


def test_the_state_of_submissions_is_asked(known: AcoustidServer, server: Server) -> None:
    state = {"id": 7, "status": "imported", "result": {"id": TRACK}}
    known.answers["/v2/submission_status"] = [Answer({"status": "ok", "submissions": [state]})]
    assert server.submission_status([7]) == [SubmissionState(7, "imported", TRACK, None)]
    assert known.asked[0][1]["id"] == ["7"]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:5000", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:5000", True),
        ("http://localhost", True),
        ("http://localhost.example.org", False),
        ("https://api.acoustid.org", False),
        ("http://10.0.0.1", False),
    ],
)
def test_which_servers_are_local(url: str, local: bool) -> None:
    assert is_local(url) is local


def test_fpcalc_is_found_on_the_path(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = json.dumps({"duration": 280.49, "fingerprint": FINGERPRINT})
    write_fpcalc(tmp_path, f"test \"$1\" = -json && test \"$2\" = '{audio}' && echo '{answer}'")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("FPCALC", raising=False)
    monkeypatch.chdir(tmp_path)
    found = fingerprint_file(Path(audio.name))
    assert (found.fingerprint, found.duration) == (FINGERPRINT, 280.49)


def test_how_to_install_fpcalc_is_said(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("FPCALC", raising=False)
    with pytest.raises(FpcalcMissingError, match="libchromaprint-tools"):
        fingerprint_file(audio)
    monkeypatch.setenv("FPCALC", str(tmp_path / "nowhere"))
    with pytest.raises(FpcalcMissingError, match=r"nowhere: No such file"):
        fingerprint_file(audio)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'ERROR: Could not open the input file' >&2; exit 2", "Could not open the input"),
        ("exit 3", "exit status 3"),
        ("echo '{}'", "exit status 0"),
        ('echo \'{"duration": 1.0, "fingerprint": ""}\'', "too short or silent"),
    ],
)
def test_what_fpcalc_complains_of_is_told(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setenv("FPCALC", str(write_fpcalc(tmp_path, script)))
    with pytest.raises(AudioError, match=reason):
        fingerprint_file(audio)


def test_fpcalc_has_a_time_limit(
    audio: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FPCALC", str(write_fpcalc(tmp_path, "exec sleep 30")))
    started = time.monotonic()
    with pytest.raises(AudioError, match=r"more than 0\.2 s"):
        fingerprint_file(audio, time_limit=0.2)
    assert time.monotonic() - started < 10


def test_files_are_identified_in_order_and_an_error_stops_none(
    known: AcoustidServer, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known.answers["/v2/lookup"] = [Answer(FOUND)]
    answer = json.dumps({"duration": 10, "fingerprint": FINGERPRINT})
    script = f"case \"$2\" in *0.mp3) sleep 0.2;; *2.mp3) exit 2;; esac; echo '{answer}'"
    monkeypatch.setenv("FPCALC", str(write_fpcalc(tmp_path, script)))
    paths = [tmp_path / f"{number}.mp3" for number in range(4)]
    for path in paths[:3]:
        path.touch()
    found = list(identify_files(server, paths, "", at_once=3))
    assert [one.path for one in found] == paths
    assert [bool(one.results) for one in found] == [True, True, False, False]
    assert "exit status 2" in str(found[2].error)
    assert "no such file" in str(found[3].error)
