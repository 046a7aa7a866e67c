"""``fpservice tracks`` and ``fpservice links`` as an operator meets them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.installation import Installation, environment, fresh_fingerprint
from tests.services import DatabaseUrls

COMMAND = (sys.executable, "-m", "fpservice.cli")
FIRST, SECOND = uuid.UUID(int=0xA1), uuid.UUID(int=0xA2)
KEPT = "6ab6ba5e-865e-40b7-b237-a36ba5c7cf3b"
MERGED = "0352a589-e160-44ed-8fa6-75309756d742"


@dataclass
class Operator:
    """Runs commands on an installation."""

    variables: dict[str, str]

    def run(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, arguments)],
            env={**os.environ, **self.variables, **more},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def says(self, *arguments: object, **more: str) -> str:
        done = self.run(*arguments, **more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *arguments: object) -> str:
        done = self.run(*arguments)
        assert done.returncode == 2, done.stdout
        assert "Traceback" not in done.stderr
        return done.stderr


@pytest.fixture
def operator(databases: DatabaseUrls, tmp_path: Path) -> Operator:
    return Operator(environment(databases, tmp_path))


def song(number: int) -> dict[str, Any]:
    return {"duration": 60, "fingerprint": fresh_fingerprint(number)}


def submitted(installation: Installation, number: int, mbid: object) -> str:
    ids = installation.submit(**song(number), mbid=str(mbid))
    installation.import_all()
    return str(installation.status(*ids)[0]["result"]["id"])


def recordings(installation: Installation, gid: str) -> list[str]:
    [result] = installation.call("/v2/lookup", trackid=gid, meta="recordingids")["results"]
    return [one["id"] for one in result.get("recordings", [])]


def listed(installation: Installation, mbid: object) -> list[dict[str, Any]]:
    tracks = installation.call("/v2/track/list_by_mbid", mbid=str(mbid), disabled=1)["tracks"]
    return list(tracks)


def test_tracks_are_merged_and_shown(installation: Installation, operator: Operator) -> None:
    old, new = submitted(installation, 1, FIRST), submitted(installation, 2, SECOND)
    said = operator.says("tracks", "merge", old, 2)
    assert said == (
        f"track {old} was merged into {new}:"
        " moved fingerprints: 1, recordings: 1, PUIDs: 0, foreign ids: 0, texts: 0\n"
    )
    assert json.loads(operator.says("tracks", "show", old))["merged_into"] == new
    shown = json.loads(operator.says("tracks", "show", new))
    assert (shown["id"], shown["merged_into"], shown["merged_from"]) == (2, None, [old])
    assert shown["recordings"] == [
        {"id": str(mbid), "submissions": 1, "disabled": False} for mbid in (FIRST, SECOND)
    ]
    assert shown["fingerprints"] == [{"id": id, "duration": 60, "submissions": 1} for id in (1, 2)]
    assert f"merged into {new} already" in operator.refused("tracks", "merge", old, new)
    assert "there is no track 77" in operator.refused("tracks", "show", 77)
    assert "neither the gid of a track nor its id" in operator.refused("tracks", "show", "x")


def test_links_are_disabled_and_enabled(installation: Installation, operator: Operator) -> None:
    gid = submitted(installation, 1, FIRST)
    disable = ("links", "disable", gid, FIRST, "--note", "the [b]live[/b] version", "--by", "ann")
    assert operator.says(*disable) == f"disabled: track {gid}, recording {FIRST}\n"
    assert recordings(installation, gid) == []
    assert listed(installation, FIRST) == [{"id": gid, "disabled": True}]
    # More submissions do not bring it back.
    submitted(installation, 1, FIRST)
    assert recordings(installation, gid) == []
    assert "disabled already, nothing was changed" in operator.says(*disable)
    assert operator.says("links", "enable", 1, FIRST, "--note", "no, it is right", LOGNAME="bob")
    assert recordings(installation, gid) == [str(FIRST)]
    assert listed(installation, FIRST) == [{"id": gid}]
    first, second = [
        [cell.strip() for cell in line.strip("│").split("│")][1:]
        for line in operator.says("links", "history", gid).splitlines()
        if str(FIRST) in line
    ]
    assert first == ["ann", str(FIRST), "disabled", "the [b]live[/b] version"]
    assert second == ["bob", str(FIRST), "enabled", "no, it is right"]


def test_a_link_is_disabled_on_the_track_that_is_left(
    installation: Installation, operator: Operator
) -> None:
    old, new = (submitted(installation, number, FIRST) for number in (1, 2))
    operator.says("links", "disable", old, FIRST, "--note", "wrong")
    said = operator.says("tracks", "merge", old, new)
    assert f"the link to recording {FIRST} stays disabled" in said
    assert recordings(installation, new) == []
    assert operator.says("links", "enable", old, FIRST, "--note", "right") == (
        f"enabled: track {new}, recording {FIRST}\n"
    )
    assert recordings(installation, old) == [str(FIRST)]


def test_what_cannot_be_disabled_is_said(installation: Installation, operator: Operator) -> None:
    gid = submitted(installation, 1, FIRST)
    note = ("--note", "wrong")
    unknown = operator.refused("links", "disable", gid, SECOND, *note)
    assert f"track {gid} has no link to recording {SECOND}" in unknown
    assert "there is no track" in operator.refused("links", "disable", SECOND, FIRST, *note)
    assert "no MusicBrainz id" in operator.refused("links", "disable", gid, "x", *note)
    assert "--note" in operator.refused("links", "disable", gid, FIRST)
    assert "--note" in operator.refused("links", "disable", gid, FIRST, "--note", " ")
    assert "no track" in operator.refused("links", "history", 9)


def test_mergers_of_recordings_need_a_musicbrainz_database(
    installation: Installation, operator: Operator
) -> None:
    said = operator.refused("links", "follow-merged")
    assert "no MusicBrainz database is configured ([database_musicbrainz] url)" in said


def test_mergers_of_recordings_are_followed(
    installation: Installation, operator: Operator, musicbrainz_url: str
) -> None:
    gid = submitted(installation, 1, MERGED)
    submitted(installation, 2, KEPT)
    operator.variables["ACOUSTID_DATABASE_MUSICBRAINZ_URL"] = musicbrainz_url
    said = operator.says("links", "follow-merged", "--by", "cron")
    assert "2 MBIDs looked at; 1 links are under present MBIDs now, 0 of" in said
    assert recordings(installation, gid) == [KEPT]
    assert "MusicBrainz merged" in operator.says("links", "history", gid)
    assert "0 links are under" in operator.says("links", "follow-merged")
    # Former MBIDs of the recording mean the same link.
    operator.says("links", "disable", gid, MERGED, "--note", "wrong")
    assert recordings(installation, gid) == []


def test_it_is_said_how_to_go_on_without_musicbrainz(
    installation: Installation, operator: Operator
) -> None:
    submitted(installation, 1, FIRST)
    url = "postgresql+psycopg2://nobody@127.0.0.1:1/musicbrainz"
    operator.variables["ACOUSTID_DATABASE_MUSICBRAINZ_URL"] = url
    said = operator.refused("links", "follow-merged")
    assert "database musicbrainz" in said
    assert f"links follow-merged --after {uuid.UUID(int=0)}" in said
