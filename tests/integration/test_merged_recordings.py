"""Links get the MBIDs that recordings have now, and no answer changes by it."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from fpservice.bootstrap_tracks import build_link_states, build_merged_recordings
from fpservice.db.fingerprint.tables import track, track_mbid
from fpservice.db.fingerprint.track_rows import find_track
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.services import merged_recordings
from fpservice.services.merged_recordings import Followed, MergedRecordings
from tests.installation import Installation, environment, fresh_fingerprint, install
from tests.recorded.dataset import load_dataset
from tests.services import DatabaseUrls

# In the sample of MusicBrainz the latter two were merged into the first one.
KEPT = uuid.UUID("6ab6ba5e-865e-40b7-b237-a36ba5c7cf3b")
MERGED = uuid.UUID("0352a589-e160-44ed-8fa6-75309756d742")
MERGED_TOO = uuid.UUID("a5f0dab1-bb75-49e1-8c55-14c79b526a95")
LIGHTS = uuid.UUID("d3f78328-1787-47fb-994d-a5a342446525")
UNKNOWN = uuid.UUID("5b208610-d7ce-4199-8a7f-ba30c233f453")

Link = tuple[int, uuid.UUID, int, bool]


@pytest.fixture
def variables(databases: DatabaseUrls, tmp_path: Path, musicbrainz_url: str) -> dict[str, str]:
    named = {"ACOUSTID_DATABASE_MUSICBRAINZ_URL": musicbrainz_url}
    return environment(databases, tmp_path) | named


@pytest.fixture
def named(variables: dict[str, str]) -> Iterator[Installation]:
    """An installation that knows which recordings were merged."""
    installed = install(variables)
    yield installed
    installed.close()


def submit(installation: Installation, number: int, *mbids: uuid.UUID) -> None:
    form = {"duration": 60, "fingerprint": fresh_fingerprint(number)}
    for mbid in mbids:
        installation.submit(**form, mbid=str(mbid))


def service(installation: Installation) -> MergedRecordings:
    found = build_merged_recordings(installation.parts)
    assert found is not None
    return found


def links(installation: Installation) -> list[Link]:
    names = ("track_id", "mbid", "submission_count", "disabled")
    with installation.parts.databases.fingerprint.reading() as connection:
        rows = connection.execute(select(*(track_mbid.c[name] for name in names)))
        return sorted(tuple(row) for row in rows)


def answers(installation: Installation) -> list[dict[str, Any]]:
    """Return what is answered for every track and every recording, former MBIDs included."""
    with installation.parts.databases.fingerprint.reading() as connection:
        gids = connection.execute(select(track.c.gid).order_by(track.c.id)).scalars().all()
    words = "recordings releasegroups releases tracks sources usermeta"
    lookups = [
        installation.call("/v2/lookup", trackid=str(gid), meta=meta)
        for gid in gids
        for meta in (words, "recordingids sources", "releasegroupids")
    ]
    mbids = sorted({mbid for _, mbid, _, _ in links(installation)} | {KEPT, MERGED, MERGED_TOO})
    listed = [
        installation.call("/v2/track/list_by_mbid", mbid=str(mbid), disabled=disabled)
        for mbid in mbids
        for disabled in (0, 1)
    ]
    return lookups + listed


def test_counts_are_summed_under_the_present_mbid(named: Installation) -> None:
    submit(named, 1, MERGED, MERGED, KEPT, MERGED_TOO, LIGHTS)
    submit(named, 2, MERGED_TOO, UNKNOWN)
    named.import_all()
    before = answers(named)
    done = service(named).follow("tester")
    assert links(named) == sorted(
        [(1, KEPT, 4, False), (1, LIGHTS, 1, False), (2, UNKNOWN, 1, False), (2, KEPT, 1, False)]
    )
    assert (done.looked_at, done.written, done.joined, done.undecided) == (5, 2, 2, set())
    assert answers(named) == before
    with named.parts.databases.fingerprint.reading() as connection:
        stored = find_track(connection, 1)
    assert stored is not None
    notes = [one.note for one in build_link_states(named.parts).history(stored.gid)]
    assert sorted(notes) == [
        f"MusicBrainz merged recording {MERGED} into {KEPT}; 2 submissions were added",
        f"MusicBrainz merged recording {MERGED_TOO} into {KEPT}; 1 submissions were added",
    ]


def test_following_again_changes_nothing(named: Installation) -> None:
    submit(named, 1, MERGED, KEPT)
    named.import_all()
    service(named).follow("tester")
    before = links(named)
    again = service(named).follow("tester")
    assert (again.looked_at, again.written, again.joined) == (1, 0, 0)
    assert links(named) == before
    # What comes later under a former MBID is followed the next time.
    submit(named, 1, MERGED_TOO)
    named.import_all()
    service(named).follow("tester")
    assert links(named) == [(1, KEPT, 3, False)]


def test_links_in_different_states_are_left_to_a_person(named: Installation) -> None:
    submit(named, 1, MERGED, KEPT)
    submit(named, 2, MERGED, MERGED_TOO)
    named.import_all()
    database = named.parts.databases.fingerprint
    with database.writing() as connection:
        one_of_each = (track_mbid.c.track_id == 1) & (track_mbid.c.mbid == KEPT)
        connection.execute(track_mbid.update().where(one_of_each).values(disabled=True))
        on_second = track_mbid.c.track_id == 2
        connection.execute(track_mbid.update().where(on_second).values(disabled=True))
    before, shown = links(named), answers(named)
    done = service(named).follow("tester")
    assert done.undecided == {(1, KEPT)}
    assert links(named)[:2] == before[:2]
    assert links(named)[2:] == [(2, KEPT, 2, True)]
    assert answers(named) == shown
    build_link_states(named.parts).switch(1, KEPT, disabled=False, by="ann", note="it is right")
    assert service(named).follow("tester").undecided == set()
    assert links(named) == [(1, KEPT, 2, False), (2, KEPT, 2, True)]


def test_an_end_in_the_middle_costs_nothing(
    named: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_recordings, "BATCH_MBIDS", 1)
    submit(named, 1, MERGED, KEPT, MERGED_TOO)
    named.import_all()
    positions: list[uuid.UUID] = []

    def stop(now: Followed) -> None:
        positions.append(now.position)
        assert 0 < now.fraction < 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        service(named).follow("tester", progress=stop)
    assert positions == [MERGED]
    assert links(named) == sorted([(1, KEPT, 2, False), (1, MERGED_TOO, 1, False)])
    done = service(named).follow("tester", after=positions[0])
    assert links(named) == [(1, KEPT, 3, False)]
    assert done.looked_at == 2


def test_imports_beside_it_lose_nothing(
    named: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_recordings, "BATCH_MBIDS", 1)
    for number in range(1, 9):
        submit(named, number, MERGED, KEPT)
    named.import_all()
    for number in range(1, 9):
        submit(named, number, MERGED, KEPT, MERGED_TOO)
    importing = threading.Thread(target=named.import_all)
    importing.start()
    while importing.is_alive():
        service(named).follow("tester")
    importing.join()
    service(named).follow("tester")
    assert links(named) == [(number, KEPT, 5, False) for number in range(1, 9)]


def test_the_recorded_catalogue_is_answered_as_before(
    named: Installation, variables: dict[str, str]
) -> None:
    load_dataset(variables)
    before = answers(named)
    former = {mbid for _, mbid, _, _ in links(named)} & {MERGED, MERGED_TOO}
    assert former
    done = service(named).follow("tester")
    assert done.written
    assert not {mbid for _, mbid, _, _ in links(named)} & former
    assert answers(named) == before


def test_what_was_written_stays_when_musicbrainz_fails(
    named: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merged_recordings, "BATCH_MBIDS", 1)
    submit(named, 1, MERGED, MERGED_TOO)
    named.import_all()
    real = service(named)._merged_into
    asked: list[Collection[uuid.UUID]] = []

    def once(mbids: Collection[uuid.UUID]) -> Mapping[uuid.UUID, uuid.UUID]:
        asked.append(mbids)
        if len(asked) > 2:
            raise MetadataUnavailableError("gone")
        return real(mbids)

    failing = MergedRecordings(named.parts.databases.fingerprint, once)
    with pytest.raises(MetadataUnavailableError):
        failing.follow("tester")
    # The present MBID is looked at, too.
    assert asked == [[MERGED], [KEPT], [MERGED_TOO]]
    assert links(named) == sorted([(1, KEPT, 1, False), (1, MERGED_TOO, 1, False)])
    service(named).follow("tester")
    assert links(named) == [(1, KEPT, 2, False)]
