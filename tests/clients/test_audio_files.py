"""Audio files go through beets and the service's own commands, with a real fpcalc, and are found.

Voices are recorded; the originals are submitted, and spoilt copies without tags are identified.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mediafile import MediaFile

from fpservice.client.fpcalc import fingerprint_file
from fpservice.client.server import Server
from fpservice.commands.server_options import DEFAULT_META
from tests.clients.audio import Speech, as_bought, check_programs, record, spoilt
from tests.clients.beets import Beets
from tests.clients.music import CLIENT, USER
from tests.clients.musicbrainz_site import musicbrainz_site
from tests.clients.speeches import HARBOUR, MARCHE, SUBMITTED, UNHEARD, WERKSTATT
from tests.served import Served

IMPORT_SECONDS = 20.0
# The releases of the recording that HARBOUR pretends to be: of 2004, 2010 and 2015.
RELEASES = [
    "7eac71ec-1212-480a-879c-319944edfd91",
    "366a48dd-6768-4742-baba-0a33ced481ef",
    "5cf39f91-5cf9-4ffe-8a41-9a0ba1963ab5",
]


@dataclass(frozen=True, slots=True)
class Machine:
    """A computer with music on it, a service, and clients that know where it is."""

    served: Served
    beets: Beets
    originals: dict[Speech, Path]
    copies: dict[Speech, list[Path]]

    def fpservice(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the service's own as a user of this machine."""
        named = {
            "FPSERVICE_SERVER": self.served.url,
            "FPSERVICE_CLIENT": CLIENT,
            "FPSERVICE_USER": USER,
            "COLUMNS": "200",
        }
        return subprocess.run(
            [sys.executable, "-m", "fpservice.cli", *map(str, arguments)],
            env={**os.environ, **named},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def lookup(self, path: Path) -> list[dict[str, Any]]:
        """Return the results for a file."""
        audio = fingerprint_file(path)
        found = Server(self.served.url, CLIENT).lookup(
            audio.fingerprint, audio.duration, DEFAULT_META
        )
        return [one.answer for one in found]


@pytest.fixture(scope="module")
def machine(catalogue: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    check_programs()
    folder = tmp_path_factory.mktemp("machine")
    originals, copies = _recorded(folder)
    with musicbrainz_site([HARBOUR, WERKSTATT]) as musicbrainz:
        beets = Beets.set_up(folder / "beets", catalogue.url, user=USER, musicbrainz=musicbrainz)
        yield Machine(catalogue, beets, originals, copies)


def _recorded(folder: Path) -> tuple[dict[Speech, Path], dict[Speech, list[Path]]]:
    bought, bad = folder / "bought", folder / "bad"
    bought.mkdir()
    bad.mkdir()
    originals, copies = {}, {}
    for speech in SUBMITTED:
        recording = record(speech, folder)
        originals[speech] = _tagged(as_bought(recording, bought), speech)
        copies[speech] = spoilt(recording, bad)
    return originals, copies


def _tagged(path: Path, speech: Speech) -> Path:
    tags = MediaFile(path)
    tags.title, tags.artist, tags.albumartist = speech.title, speech.artist, speech.artist
    tags.album, tags.year, tags.track = "Voices", 2024, 1
    tags.mb_trackid = speech.mbid or None
    tags.save()
    return path


@pytest.fixture(scope="module")
def submitted(machine: Machine) -> str:
    """What ``beet submit`` printed, once all that it handed in is found."""
    machine.beets.run("import", "--noautotag", str(machine.originals[HARBOUR].parent))
    said = machine.beets.run("submit")
    end = time.monotonic() + IMPORT_SECONDS
    while not all(machine.lookup(path) for path in machine.originals.values()):
        assert time.monotonic() < end, said + machine.served.log.read_text()
        time.sleep(0.2)
    return said


def test_beets_submits_its_library(machine: Machine, submitted: str) -> None:
    assert "submitting 3 fingerprints" in submitted
    assert "error" not in submitted
    for speech in (HARBOUR, WERKSTATT):
        [result] = machine.lookup(machine.originals[speech])
        assert [one["id"] for one in result["recordings"]] == [speech.mbid]
        assert result["score"] == 1.0


def test_beets_submits_tags_where_it_has_no_mbid(machine: Machine, submitted: str) -> None:
    [result] = machine.lookup(machine.originals[MARCHE])
    [recording] = result["recordings"]
    assert recording["title"] == MARCHE.title
    assert recording["artists"] == [MARCHE.artist]
    assert "id" not in recording


def test_beets_is_told_why_it_may_not_submit(machine: Machine, tmp_path: Path) -> None:
    beets = Beets.set_up(tmp_path, machine.served.url, user="nobody", musicbrainz="127.0.0.1:9")
    beets.run("import", "--noautotag", str(machine.originals[HARBOUR]))
    assert "acoustid submission error: error 6: invalid user API key" in beets.run("submit")


def test_beets_identifies_spoilt_copies(machine: Machine, submitted: str, tmp_path: Path) -> None:
    copies = [
        str(shutil.copy(path, tmp_path))
        for speech in (HARBOUR, WERKSTATT)
        for path in machine.copies[speech]
    ]
    said = machine.beets.run("-vv", "import", "--quiet", "--singletons", *copies)
    items = machine.beets.items("mb_trackid", "title", "artist", "acoustid_id")
    for speech in (HARBOUR, WERKSTATT):
        [result] = machine.lookup(machine.originals[speech])
        for path in machine.copies[speech]:
            expected = [speech.mbid, speech.title, speech.artist, result["id"]]
            assert items[path.name] == expected, said
    assert said.count(f"matched recordings ['{HARBOUR.mbid}'] on releases {RELEASES}") == 3


def test_identify_names_spoilt_copies(machine: Machine, submitted: str) -> None:
    paths = [path for speech in SUBMITTED for path in machine.copies[speech]]
    done = machine.fpservice("identify", "--json", *paths)
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [one["file"] for one in answers] == [str(path) for path in paths]
    titles = [one["results"][0]["recordings"][0]["title"] for one in answers]
    assert titles == [speech.title for speech in SUBMITTED for _ in machine.copies[speech]]


def test_identify_shows_a_table(machine: Machine, submitted: str) -> None:
    copies = [machine.copies[speech][0] for speech in SUBMITTED]
    done = machine.fpservice("identify", *copies)
    assert done.returncode == 0, done.stderr
    for speech, copy in zip(SUBMITTED, copies, strict=True):
        [row] = [line for line in done.stdout.splitlines() if copy.name in line]
        assert speech.title in row


def test_lookup_takes_an_audio_file(machine: Machine, submitted: str) -> None:
    done = machine.fpservice("lookup", "--json", machine.copies[WERKSTATT][1])
    assert done.returncode == 0, done.stderr
    [result] = json.loads(done.stdout)
    assert result["recordings"][0]["title"] == WERKSTATT.title
    assert 0.5 < result["score"] < 1


def test_a_recording_that_nobody_submitted_is_not_found(
    machine: Machine, submitted: str, tmp_path: Path
) -> None:
    unheard = as_bought(record(UNHEARD, tmp_path), tmp_path)
    alone = machine.fpservice("lookup", unheard)
    assert (alone.returncode, alone.stderr) == (1, "nothing found\n")
    both = machine.fpservice("identify", unheard, machine.copies[MARCHE][0])
    assert both.returncode == 0
    assert "nothing found" in both.stdout


def test_a_file_without_audio_is_told_from_one_that_is_not_found(
    machine: Machine, tmp_path: Path
) -> None:
    text = tmp_path / "text.mp3"
    text.write_text("This is not audio.")
    done = machine.fpservice("identify", text)
    assert done.returncode == 2
    assert "fpcalc" in done.stdout


def test_submit_hands_in_a_file_and_waits(machine: Machine, submitted: str, tmp_path: Path) -> None:
    speech = record(UNHEARD, tmp_path)
    options = ["--track", UNHEARD.title, "--artist", UNHEARD.artist, "--wait", "10"]
    done = machine.fpservice("submit", *options, as_bought(speech, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "imported, track " in done.stdout
    for copy in spoilt(speech, tmp_path):
        [result] = machine.lookup(copy)
        assert result["recordings"][0]["title"] == UNHEARD.title
        assert result["id"] in done.stdout
