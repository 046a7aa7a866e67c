"""``lookup``, ``identify`` and ``submit`` as a user meets them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fpservice.commands.identify import identify
from fpservice.commands.lookup import lookup
from fpservice.commands.submit import submit
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

COMMANDS = {"lookup": lookup, "identify": identify, "submit": submit}
ASK = ("lookup", FINGERPRINT, "--duration", "640")
HAND_IN = ("submit", FINGERPRINT, "--duration", "640", "--mbid", MBID, "--artist", "M83")


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[AcoustidServer]:
    for name in ("FPSERVICE_CLIENT", "FPSERVICE_USER", "FPCALC"):
        monkeypatch.delenv(name, raising=False)
    with serving() as server:
        monkeypatch.setenv("FPSERVICE_SERVER", server.url)
        server.answers["/v2/lookup"] = [Answer(FOUND)]
        yield server


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An audio file, and an fpcalc that can read it."""
    answer = json.dumps({"duration": 280.49, "fingerprint": FINGERPRINT})
    monkeypatch.setenv("FPCALC", str(write_fpcalc(tmp_path, f"echo '{answer}'")))
    path = tmp_path / "song.flac"
    path.write_bytes(b"music")
    return path


def run(name: str, *arguments: str) -> Result:
    return CliRunner().invoke(COMMANDS[name], arguments)


def test_lookup_shows_what_was_found(known: AcoustidServer) -> None:
    result = run(*ASK)
    assert result.exit_code == 0
    [row] = [line for line in result.stdout.splitlines() if TRACK in line]
    assert "0.988" in row
    assert "Lower [red]Your[/red] Eyelids" in row
    assert "M83 & Friends" in row
    assert f"{MBID} and 1 more" in row
    assert "\x1b" not in result.stdout
    assert known.asked[0][1]["client"] == ["demo-app-key"]


def test_lookup_prints_json(known: AcoustidServer) -> None:
    result = run(*ASK, "--json", "--meta", "recordings", "--client", "mine")
    best, other = json.loads(result.stdout)
    assert [other, best] == FOUND["results"]
    assert known.asked[0][1]["client"] == ["mine"]
    assert known.asked[0][1]["meta"] == ["recordings"]


def test_lookup_says_that_nothing_was_found(known: AcoustidServer) -> None:
    known.answers["/v2/lookup"] = [Answer(NOTHING)]
    result = run(*ASK)
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", "nothing found\n")


def test_lookup_takes_an_audio_file(known: AcoustidServer, song: Path) -> None:
    assert run("lookup", str(song)).exit_code == 0
    assert run("lookup", str(song), "--duration", "99.9").exit_code == 0
    assert [asked["duration"] for _, asked in known.asked] == [["280"], ["99"]]
    assert [asked["fingerprint"] for _, asked in known.asked] == [[FINGERPRINT]] * 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("lookup", FINGERPRINT), "needs --duration"),
        (("lookup", "no/such/file.mp3", "--duration", "9"), "neither a file nor a fingerprint"),
        ((*ASK, "--server", "https://example.org"), "needs a key"),
        ((*ASK, "--server", "nonsense", "--client", "x"), "not a URL"),
        ((*ASK, "--duration", "0"), "0"),
        ((*HAND_IN, "--server", "https://example.org", "--client", "x"), "needs a user's key"),
    ],
)
def test_what_cannot_be_asked_is_an_error(
    known: AcoustidServer, arguments: tuple[str, ...], reason: str
) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert known.asked == []


def test_errors_of_the_server_are_told(known: AcoustidServer) -> None:
    error = {"status": "error", "error": {"code": 4, "message": "invalid API key"}}
    known.answers["/v2/lookup"] = [Answer(error, 400)]
    result = run(*ASK)
    assert result.exit_code == 2
    assert "invalid API key" in result.stderr


def test_identify_shows_a_row_a_file(known: AcoustidServer, song: Path) -> None:
    result = run("identify", str(song), str(song.with_name("gone.mp3")))
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert [TRACK in line for line in lines if "song.flac" in line] == [True]
    assert ["no such file" in line for line in lines if line.startswith("│ gone.mp3")] == [True]


def test_identify_prints_a_json_object_a_file(known: AcoustidServer, song: Path) -> None:
    known.answers["/v2/lookup"] = [Answer(FOUND), Answer(NOTHING)]
    result = run("identify", "--json", "--at-once", "1", str(song), str(song))
    first, second = (json.loads(line) for line in result.stdout.splitlines())
    assert result.exit_code == 0
    assert (first["file"], first["duration"], first["error"]) == (str(song), 280.49, None)
    assert first["results"][0]["id"] == TRACK
    assert second["results"] == []


def test_identify_says_that_nothing_was_found(known: AcoustidServer, song: Path) -> None:
    known.answers["/v2/lookup"] = [Answer(NOTHING)]
    result = run("identify", str(song))
    assert result.exit_code == 1
    assert "nothing found" in result.stdout


def test_identify_says_how_to_install_fpcalc(
    known: AcoustidServer, song: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FPCALC")
    monkeypatch.setenv("PATH", "/nowhere")
    result = run("identify", str(song))
    assert result.exit_code == 2
    assert "libchromaprint-tools" in result.stdout


def submissions(*states: dict[str, object]) -> Answer:
    return Answer({"status": "ok", "submissions": list(states)})


def test_submit_says_what_became_of_it(known: AcoustidServer) -> None:
    known.answers["/v2/submit"] = [submissions({"id": 7, "status": "pending"})]
    result = run(*HAND_IN, "--trackno", "3")
    assert (result.exit_code, result.stdout) == (0, "submission 7: pending\n")
    [(_, asked)] = known.asked
    assert asked["user"] == ["demo-user-key"]
    assert (asked["mbid"], asked["artist"], asked["trackno"]) == ([MBID], ["M83"], ["3"])


def test_submit_waits_for_the_import(known: AcoustidServer) -> None:
    known.answers["/v2/submit"] = [submissions({"id": 7, "status": "pending"})]
    known.answers["/v2/submission_status"] = [
        submissions({"id": 7, "status": "pending"}),
        submissions({"id": 7, "status": "imported", "result": {"id": TRACK}}),
    ]
    result = run(*HAND_IN, "--wait", "10")
    assert (result.exit_code, result.stdout) == (0, f"submission 7: imported, track {TRACK}\n")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ({"id": 7, "status": "pending"}, 1),
        ({"id": 7, "status": "rejected", "reason": "too silent"}, 2),
    ],
)
def test_submit_tells_what_was_not_imported(
    known: AcoustidServer, state: dict[str, object], status: int
) -> None:
    known.answers["/v2/submit"] = [submissions({"id": 7, "status": "pending"})]
    known.answers["/v2/submission_status"] = [submissions(state)]
    result = run(*HAND_IN, "--wait", "0.2")
    assert result.exit_code == status
    assert str(state.get("reason", "pending")) in result.stdout
