"""MusicBrainz behind lookups: real tables on PostgreSQL, few statements, and its failures."""

from __future__ import annotations

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import create_engine, make_url

from fpservice.bootstrap import build_parts
from fpservice.config import ConfigError, load_config
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.recording import Recording, RecordingParts, ReleaseEvent
from fpservice.providers.musicbrainz_database import MusicBrainzDatabase
from tests.installation import Installation, environment, install, recordings
from tests.musicbrainz_data import load_musicbrainz
from tests.services import DatabaseUrls, PostgresServer
from tests.statements import statements

ALL = RecordingParts(artists=True, isrcs=True, releases=True, tracks=True)
LIGHTS = uuid.UUID("d3f78328-1787-47fb-994d-a5a342446525")
UNICODE = uuid.UUID("7212a866-f195-40ca-a96d-a7eaa367852d")
DEMO = uuid.UUID("77a50ed8-629b-4374-8adb-ec12888bd1fe")
UNTIMED = uuid.UUID("1f9f774b-5332-4e1c-9954-451928d8ce81")
KEPT = uuid.UUID("6ab6ba5e-865e-40b7-b237-a36ba5c7cf3b")
MERGED = uuid.UUID("0352a589-e160-44ed-8fa6-75309756d742")
MERGED_TOO = uuid.UUID("a5f0dab1-bb75-49e1-8c55-14c79b526a95")
UNKNOWN = uuid.UUID("5b208610-d7ce-4199-8a7f-ba30c233f453")
WORDS = "recordings releasegroups releases tracks compress sources isrcs usermeta"


@pytest.fixture(scope="module")
def musicbrainz_url(postgres_server: PostgresServer) -> str:
    url = postgres_server.create_database("musicbrainz_sample")
    load_musicbrainz(url)
    return url


@pytest.fixture(scope="module")
def provider(musicbrainz_url: str) -> Iterator[MusicBrainzDatabase]:
    database = Database("musicbrainz", open_engine(musicbrainz_url, read_only=True))
    yield MusicBrainzDatabase(database)
    database.close()


@contextmanager
def installed(urls: DatabaseUrls, data: Path, url: str, **options: str) -> Iterator[Installation]:
    named = {"ACOUSTID_DATABASE_MUSICBRAINZ_URL": url, **options}
    installation = install({**environment(urls, data), **named})
    yield installation
    installation.parts.close()


@pytest.fixture
def named(databases: DatabaseUrls, tmp_path: Path, musicbrainz_url: str) -> Iterator[Installation]:
    """An installation with names, on either backend."""
    with installed(databases, tmp_path, musicbrainz_url) as installation:
        yield installation


def song(number: int = 0, suffix: str = "") -> dict[str, Any]:
    one = recordings()[number]
    return {f"{name}{suffix}": one[name] for name in ("duration", "fingerprint")}


def found(installation: Installation, meta: str, number: int = 0) -> dict[str, Any]:
    [result] = installation.call("/v2/lookup", **song(number), meta=meta)["results"]
    return dict(result)


def one(provider: MusicBrainzDatabase, mbid: uuid.UUID, parts: RecordingParts = ALL) -> Recording:
    return provider.recordings([mbid], parts)[mbid]


def test_a_recording_with_all_its_parts(provider: MusicBrainzDatabase) -> None:
    lights = one(provider, LIGHTS)
    assert (lights.id, lights.title, lights.duration) == (str(LIGHTS), "Northern Lights", 215.0)
    assert lights.isrcs == ("GBAAA0400017", "USBBB1000099")
    assert [artist.name for artist in lights.artists] == ["Ada Lindqvist"]
    releases = {appearance.release.title: appearance for appearance in lights.appearances}
    assert releases.keys() == {"Northern Lights", "Northern Lights (remaster)", "Collected Works"}
    works = releases["Collected Works"]
    assert (works.release.medium_count, works.release.track_count) == (2, 38)
    assert works.release.group.secondary_types == ("Compilation",)
    [track] = works.tracks
    assert (track.position, track.duration, track.medium.title) == (7, 214.9, "Bonus Disc")
    assert (track.medium.format, track.medium.track_count) == ("Enhanced CD", 18)


def test_join_phrases_types_and_events(provider: MusicBrainzDatabase) -> None:
    recording = one(provider, UNICODE)
    assert [artist.joinphrase for artist in recording.artists] == [" & ", " vs. ", ""]
    [appearance] = recording.appearances
    assert appearance.release.group.secondary_types == ("Compilation", "Live")
    assert appearance.release.events == (
        ReleaseEvent("FR", 1999, 1, 1),
        ReleaseEvent("JP", 1999, 2, None),
    )
    assert sorted(track.position for track in appearance.tracks) == [3, 9]


def test_what_musicbrainz_does_not_say_is_none(provider: MusicBrainzDatabase) -> None:
    untimed = one(provider, UNTIMED)
    assert untimed.duration is None
    assert untimed.isrcs == ()
    [appearance] = untimed.appearances
    assert appearance.release.group.type is None
    assert (appearance.tracks[0].duration, appearance.tracks[0].medium.format) == (None, None)
    assert one(provider, DEMO).appearances == ()


def test_merged_recordings_are_found_by_each_of_their_mbids(provider: MusicBrainzDatabase) -> None:
    known = provider.recordings([KEPT, MERGED, MERGED_TOO, UNKNOWN], ALL)
    assert known.keys() == {KEPT, MERGED, MERGED_TOO}
    assert {recording.id for recording in known.values()} == {str(KEPT)}
    every = frozenset({KEPT, MERGED, MERGED_TOO})
    assert provider.aliases([MERGED, KEPT, LIGHTS, UNKNOWN]) == {
        MERGED: every,
        KEPT: every,
        LIGHTS: frozenset({LIGHTS}),
    }


@pytest.mark.parametrize(
    ("parts", "number"),
    [
        (RecordingParts(), 1),
        (RecordingParts(artists=True, isrcs=True), 2),
        (RecordingParts(releases=True), 3),
        (ALL, 4),
    ],
)
def test_only_what_is_needed_is_read(
    provider: MusicBrainzDatabase, parts: RecordingParts, number: int
) -> None:
    with statements(provider._database) as sent:
        lights = one(provider, LIGHTS, parts)
    assert len(sent) == number
    assert bool(lights.artists) is parts.artists
    assert bool(lights.appearances) is parts.releases


def test_nothing_can_be_written(provider: MusicBrainzDatabase) -> None:
    with provider._database.engine.connect() as connection:
        cursor = connection.connection.cursor()
        with pytest.raises(psycopg2.errors.ReadOnlySqlTransaction):
            cursor.execute("DELETE FROM musicbrainz.recording")


def test_a_lookup_of_ten_results_sends_at_most_twelve_statements(named: Installation) -> None:
    mbids = [LIGHTS, UNICODE, DEMO, UNTIMED, KEPT, MERGED, MERGED_TOO, UNKNOWN]
    for number in range(10):
        named.submit(**song(number), mbid=[str(mbid) for mbid in mbids[number % 4 :]])
        named.submit(**song(number), track=f"Song {number}")
    named.import_all()
    form = {key: value for n in range(10) for key, value in song(n, f".{n}").items()}
    musicbrainz = named.parts.musicbrainz
    assert musicbrainz is not None
    with statements(*named.parts.databases.all(), musicbrainz) as sent:
        answer = named.call("/v2/lookup", **form, batch=1, meta=WORDS)
    results = [result for entry in answer["fingerprints"] for result in entry["results"]]
    assert len(results) == 10
    assert all(len(result["recordings"]) >= 3 for result in results)
    assert len(sent) <= 12, sent
    assert len([one for one in sent if "musicbrainz." in one]) == 4


def test_the_length_asked_for_decides_among_equals(named: Installation) -> None:
    # The song of the demo catalogue is as long as neither; Demo has 120 s, Lights 215 s.
    for mbid in (LIGHTS, DEMO, UNTIMED, UNKNOWN):
        named.submit(**song(), mbid=str(mbid))
    named.import_all()
    shown = [one["id"] for one in found(named, "recordings")["recordings"]]
    lengths = {str(LIGHTS): 215.0, str(DEMO): 120.0}
    nearest = sorted(lengths, key=lambda mbid: abs(lengths[mbid] - song()["duration"]))
    assert shown == [*nearest, str(UNTIMED), str(UNKNOWN)]


def test_links_of_a_merged_recording_count_for_the_new_one(named: Installation) -> None:
    for mbid in (MERGED, KEPT, KEPT, LIGHTS, LIGHTS):
        named.submit(**song(), mbid=str(mbid))
    named.import_all()
    shown = found(named, "recordings sources")["recordings"]
    assert [(one["id"], one["sources"]) for one in shown] == [(str(KEPT), 3), (str(LIGHTS), 2)]
    assert shown[0]["title"] == "Kept After Merge"
    groups = found(named, "releasegroupids")["releasegroups"]
    assert "69e3ae53-1f71-426b-ab6e-3497c20f4b63" in [group["id"] for group in groups]


def test_tracks_are_listed_by_present_and_former_mbids(named: Installation) -> None:
    named.submit(**song(0), mbid=str(MERGED))
    named.submit(**song(1), mbid=str(KEPT))
    named.import_all()
    answer = named.call("/v2/track/list_by_mbid", batch=1, mbid=[str(KEPT), str(UNKNOWN)])
    both = {one["id"] for one in answer["mbids"][0]["tracks"]}
    assert len(both) == 2
    assert answer["mbids"][1]["tracks"] == []
    former = named.call("/v2/track/list_by_mbid", mbid=str(MERGED_TOO))["tracks"]
    assert {one["id"] for one in former} == both


def test_text_is_shown_for_each_track_that_musicbrainz_knows_nothing_of(
    named: Installation,
) -> None:
    for number, mbid in ((0, LIGHTS), (1, UNKNOWN)):
        named.submit(**song(number), mbid=str(mbid))
        named.submit(**song(number), track="From a tag")
    named.import_all()
    form = {**song(0, ".0"), **song(1, ".1"), "batch": 1, "meta": "recordings usermeta"}
    known, unknown = named.call("/v2/lookup", **form)["fingerprints"]
    [only] = known["results"][0]["recordings"]
    assert only["title"] == "Northern Lights"
    assert unknown["results"][0]["recordings"] == [{"id": str(UNKNOWN)}, {"title": "From a tag"}]


def test_health_pages_read_the_database(named: Installation) -> None:
    for path in ("/_health", "/_health_ro"):
        answer = named.client.get(path)
        assert answer.status_code == 200, answer.data
        assert answer.json is not None
        assert "database_musicbrainz" in answer.json["checks"]
        assert "database_musicbrainz_write" not in answer.json["checks"]


@pytest.fixture
def stoppable(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A server of the test's own."""
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    server = PostgresServer.start()
    yield server
    server.stop()


def test_a_stopped_database_leaves_ids(
    stoppable: PostgresServer, databases: DatabaseUrls, tmp_path: Path
) -> None:
    url = stoppable.create_database("musicbrainz")
    load_musicbrainz(url)
    with installed(databases, tmp_path, url) as installation:
        installation.submit(**song(), mbid=str(LIGHTS))
        installation.import_all()
        [known] = found(installation, "recordings sources")["recordings"]
        assert known["title"] == "Northern Lights"
        stoppable.stop()
        bare = [{"id": str(LIGHTS), "sources": 1}]
        for _ in range(5):
            assert found(installation, "recordings sources releases")["recordings"] == bare
        assert "releasegroups" not in found(installation, "releasegroups")
        tracks = installation.call("/v2/track/list_by_mbid", mbid=str(LIGHTS))["tracks"]
        assert len(tracks) == 1
        health = installation.client.get("/_health_ro")
        assert health.status_code == 503


def test_a_slow_database_leaves_ids_in_time(
    databases: DatabaseUrls, tmp_path: Path, musicbrainz_url: str
) -> None:
    limit = {"ACOUSTID_MUSICBRAINZ_TIME_LIMIT": "0.2"}
    with installed(databases, tmp_path, musicbrainz_url, **limit) as installation:
        installation.submit(**song(), mbid=str(LIGHTS))
        installation.import_all()
        locking = create_engine(make_url(musicbrainz_url))
        with locking.begin() as connection:
            connection.exec_driver_sql("LOCK TABLE musicbrainz.recording")
            for _ in range(4):
                started = time.monotonic()
                assert found(installation, "recordings")["recordings"] == [{"id": str(LIGHTS)}]
                assert time.monotonic() - started < 1
        locking.dispose()


def test_nobody_loads_all_tables_of_musicbrainz() -> None:
    program = "import sys, fpservice.wsgi, fpservice.cli; print('mbdata' in sys.modules)"
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60
    )
    assert run.stdout == "False\n", run.stderr


def test_a_copy_of_musicbrainz_is_a_postgresql_database() -> None:
    config = load_config({"ACOUSTID_DATABASE_MUSICBRAINZ_URL": "sqlite:////nowhere/musicbrainz.db"})
    with pytest.raises(ConfigError, match="PostgreSQL"):
        build_parts(config)


def test_a_database_without_the_tables_is_no_musicbrainz(postgres_server: PostgresServer) -> None:
    database = Database("other", open_engine(postgres_server.create_database("other")))
    with pytest.raises(MetadataUnavailableError, match="UndefinedTable"):
        MusicBrainzDatabase(database).recordings([LIGHTS], ALL)
    database.close()


def test_no_time_left_ends_between_statements(provider: MusicBrainzDatabase) -> None:
    with pytest.raises(MetadataUnavailableError, match="in time"):
        provider.recordings([LIGHTS], ALL, 0.0)
