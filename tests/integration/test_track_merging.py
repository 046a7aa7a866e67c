"""Two tracks become one: all answers name the one that is left, and nothing that was counted is
lost."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Table, insert, select, update

from fpservice.bootstrap import build_importer, build_ingestion
from fpservice.bootstrap_tracks import build_link_states, build_track_details, build_track_merging
from fpservice.db.fingerprint import tables
from fpservice.db.fingerprint.links import count_mbids
from fpservice.db.fingerprint.tracks import add_tracks
from fpservice.db.locks import lock_imports
from fpservice.domain import fingerprint
from fpservice.domain.errors import MergeRefusedError, UnknownTrackError
from fpservice.services.dump_import import DumpImport
from fpservice.services.track_merging import Merger
from tests.installation import Installation, fresh_fingerprint

FIRST, SECOND, THIRD = (uuid.UUID(int=number) for number in (0xA1, 0xA2, 0xA3))
PUID = uuid.UUID(int=0xB1)


def music(number: int) -> dict[str, Any]:
    return {"duration": 60, "fingerprint": fresh_fingerprint(number)}


def variant(number: int) -> dict[str, Any]:
    """One of four fingerprints that differ, but may be of one track."""
    hashes = fingerprint.decode(fresh_fingerprint(0)) ^ np.uint32(1 << number)
    return {"duration": 60, "fingerprint": fingerprint.encode(hashes)}


def submitted(installation: Installation, number: int, **form: Any) -> uuid.UUID:
    """Submit and import; return the gid of the track."""
    ids = installation.submit(**music(number), **({"mbid": str(FIRST)} | form))
    installation.import_all()
    return uuid.UUID(installation.status(*ids)[0]["result"]["id"])


def variants_apart(installation: Installation) -> list[uuid.UUID]:
    """Return the gids of the four variants' tracks, which are apart as a dump may have them."""
    for number in range(4):
        installation.submit(**variant(number), mbid=str(FIRST))
    installation.import_all()
    gids = [uuid.UUID(int=0xC0 + number) for number in range(3)]
    with installation.parts.databases.fingerprint.writing() as connection:
        ids = add_tracks(connection, gids)
        link = tables.track_fingerprint
        for id in ids:
            moved = update(link).where(link.c.fingerprint_id == id).values(track_id=id)
            assert connection.execute(moved).rowcount == 1
        connection.execute(update(tables.track_mbid).values(submission_count=1))
        count_mbids(connection, {(id, FIRST): 1 for id in ids})
        [(first,)] = connection.execute(select(tables.track.c.gid).where(tables.track.c.id == 1))
    return [first, *gids]


def merge(installation: Installation, source: uuid.UUID, target: uuid.UUID) -> Merger:
    return build_track_merging(installation.parts).merge(source, target, "tester")


def rows(installation: Installation, table: Table, *names: str) -> list[tuple[Any, ...]]:
    with installation.parts.databases.fingerprint.reading() as connection:
        found = connection.execute(select(*(table.c[name] for name in names)))
        return sorted(tuple(row) for row in found)


def found_by(installation: Installation, **form: Any) -> list[str]:
    results = installation.call("/v2/lookup", **form)["results"]
    return [result["id"] for result in results]


def test_counts_are_summed_and_all_links_move(installation: Installation) -> None:
    for _ in range(2):
        old = submitted(installation, 1, mbid=str(FIRST), track="One", puid=str(PUID))
    submitted(installation, 1, mbid=str(SECOND), foreignid="vendor:1")
    new = submitted(installation, 2, mbid=str(FIRST), track="One", puid=str(PUID))
    submitted(installation, 2, mbid=str(THIRD), foreignid="vendor:1", track="Two")
    merger = merge(installation, old, new)
    assert (merger.source, merger.target, merger.kept_disabled) == (old, new, [])
    assert merger.moved == {
        "track_fingerprint": 1,
        "track_mbid": 2,
        "track_puid": 1,
        "track_foreignid": 1,
        "track_meta": 1,
    }
    details = build_track_details(installation.parts).show(new)
    assert {one.mbid: one.submission_count for one in details.recordings} == {
        FIRST: 3,
        SECOND: 1,
        THIRD: 1,
    }
    assert [one.submission_count for one in details.fingerprints] == [3, 2]
    assert details.puids == {PUID: 3}
    assert details.foreignids == {"vendor:1": 2}
    assert {one.track: one.sources for one in details.texts} == {"One": 3, "Two": 1}
    gone = build_track_details(installation.parts).show(old)
    assert (gone.merged_into, gone.fingerprints, gone.recordings) == (new, [], [])
    assert details.merged_from == [old]


def test_a_fingerprint_of_both_tracks_is_one_link(installation: Installation) -> None:
    old, new = (submitted(installation, number) for number in (1, 2))
    with installation.parts.databases.fingerprint.writing() as connection:
        values = {"track_id": 2, "fingerprint_id": 1, "submission_count": 5}
        connection.execute(insert(tables.track_fingerprint), values)
    merge(installation, old, new)
    names = ("track_id", "fingerprint_id", "submission_count")
    assert rows(installation, tables.track_fingerprint, *names) == [(2, 1, 6), (2, 2, 1)]


def test_every_answer_names_the_surviving_track(installation: Installation) -> None:
    gids = variants_apart(installation)
    [first] = installation.submit(**variant(0), mbid=str(SECOND))
    installation.import_all()
    assert installation.status(first)[0]["result"]["id"] == str(gids[0])
    last = gids[-1]
    for gid, following in pairwise(gids):
        merge(installation, gid, following)
    alone = [str(last)]
    for gid in gids:
        assert found_by(installation, trackid=str(gid)) == alone
    for number in range(4):
        assert found_by(installation, **variant(number)) == alone
    for mbid in (FIRST, SECOND):
        listed = installation.call("/v2/track/list_by_mbid", mbid=str(mbid))["tracks"]
        assert listed == [{"id": str(last)}]
    assert installation.status(first)[0]["result"]["id"] == str(last)
    for asked in ({"trackid": str(gids[0])}, variant(1)):
        answer = installation.call("/v2/lookup", **asked, meta="recordings sources")
        [result] = answer["results"]
        shown = {one["id"]: one["sources"] for one in result["recordings"]}
        assert shown == {str(FIRST): 4, str(SECOND): 1}
    # What is submitted from now on goes to it, too.
    [later] = installation.submit(**variant(0), mbid=str(THIRD))
    installation.import_all()
    assert installation.status(later)[0]["result"]["id"] == str(last)
    assert build_track_details(installation.parts).show(last).merged_from == gids[:-1]


def test_a_target_that_was_merged_stands_for_its_end(installation: Installation) -> None:
    one, two, three = (submitted(installation, number) for number in (1, 2, 3))
    merge(installation, two, three)
    assert merge(installation, one, two).target == three
    assert rows(installation, tables.track, "id", "new_id")[:2] == [(1, 3), (2, 3)]


def test_chains_stay_short(installation: Installation) -> None:
    with installation.parts.databases.fingerprint.writing() as connection:
        new = [{"gid": uuid.UUID(int=number)} for number in range(1, 151)]
        connection.execute(insert(tables.track), new)
    for number in range(1, 150):
        build_track_merging(installation.parts).merge(number, number + 1, "tester")
    last = str(uuid.UUID(int=150))
    assert found_by(installation, trackid=str(uuid.UUID(int=1))) == [last]


def test_what_makes_no_sense_is_refused(installation: Installation) -> None:
    one, two = (submitted(installation, number, mbid=str(FIRST)) for number in (1, 2))
    service = build_track_merging(installation.parts)
    with pytest.raises(UnknownTrackError, match="no track"):
        service.merge(one, uuid.UUID(int=7), "tester")
    for nobody in (99, 0, 2**70):
        with pytest.raises(UnknownTrackError, match="no track"):
            service.merge(nobody, one, "tester")
    with pytest.raises(MergeRefusedError, match="into itself"):
        service.merge(one, 1, "tester")
    merge(installation, one, two)
    before = rows(installation, tables.track_mbid, "track_id", "mbid", "submission_count")
    with pytest.raises(MergeRefusedError, match=f"merged into {two} already"):
        merge(installation, one, two)
    with pytest.raises(MergeRefusedError, match="into itself"):
        merge(installation, two, one)
    assert rows(installation, tables.track_mbid, "track_id", "mbid", "submission_count") == before


def test_a_loop_of_a_dump_is_no_target(installation: Installation) -> None:
    gid = submitted(installation, 1)
    with installation.parts.databases.fingerprint.writing() as connection:
        loop = [
            {"id": 11, "gid": uuid.UUID(int=11), "new_id": 12},
            {"id": 12, "gid": uuid.UUID(int=12), "new_id": 11},
        ]
        connection.execute(insert(tables.track), loop)
    service = build_track_merging(installation.parts)
    with pytest.raises(MergeRefusedError, match="leads to no track"):
        service.merge(gid, 11, "tester")
    details = build_track_details(installation.parts).show(12)
    assert (details.merged_into, details.merged_from) == (None, [uuid.UUID(int=11)])


@pytest.mark.parametrize("side", [0, 1])
def test_a_link_that_one_side_has_disabled_stays_disabled(
    installation: Installation, side: int
) -> None:
    gids = [submitted(installation, number, mbid=str(FIRST)) for number in (1, 2)]
    states = build_link_states(installation.parts)
    states.switch(gids[side], FIRST, disabled=True, by="ann", note="another song")
    merger = merge(installation, *gids)
    assert merger.kept_disabled == [FIRST]
    names = ("track_id", "submission_count", "disabled")
    assert rows(installation, tables.track_mbid, *names) == [(2, 2, True)]
    history = [(one.name, one.note, one.disabled) for one in states.history(gids[0])]
    assert history[0] == ("ann", "another song", True)
    # What happened to the link of the target is said, if its state changed.
    assert [name for name, _, _ in history[1:]] == ["tester"] * (1 - side)


def test_links_that_move_keep_state_and_history(installation: Installation) -> None:
    old = submitted(installation, 1, mbid=str(FIRST))
    new = submitted(installation, 2, mbid=str(SECOND))
    states = build_link_states(installation.parts)
    states.switch(old, FIRST, disabled=True, by="ann", note="another song")
    assert merge(installation, old, new).kept_disabled == []
    [change] = states.history(new)
    assert (change.mbid, change.note) == (FIRST, "another song")
    names = ("track_id", "mbid", "disabled")
    assert rows(installation, tables.track_mbid, *names) == [(2, FIRST, True), (2, SECOND, False)]


def test_an_import_at_the_same_moment_links_to_the_surviving_track(
    installation: Installation,
) -> None:
    old, new, *_ = variants_apart(installation)
    installation.submit(**variant(0), mbid=str(SECOND))
    importer = build_importer(installation.parts)
    database = installation.parts.databases.fingerprint
    with database.writing() as connection:
        lock_imports(connection)
        waiting = _started(importer.round), _started(lambda: merge(installation, old, new))
        time.sleep(0.3)
        # Both wait for the lock now, and either may be the first to get it.
        assert all(thread.is_alive() for thread in waiting)
    for thread in waiting:
        thread.join(30)
    installation.import_all()
    names = ("track_id", "mbid", "submission_count")
    links = rows(installation, tables.track_mbid, *names)
    assert links == [(2, FIRST, 2), (2, SECOND, 1), (3, FIRST, 1), (4, FIRST, 1)]
    links = rows(installation, tables.track_fingerprint, "track_id", "submission_count")
    assert links == [(2, 1), (2, 2), (3, 1), (4, 1)]


def test_many_imports_beside_mergers_lose_nothing(installation: Installation) -> None:
    gids = variants_apart(installation)
    for _ in range(5):
        for number in range(4):
            installation.submit(**variant(number), mbid=str(FIRST))
    importing = _started(lambda: _import_singly(installation))
    for gid in gids[1:]:
        merge(installation, gid, gids[0])
    importing.join(60)
    installation.import_all()
    names = ("track_id", "mbid", "submission_count")
    assert rows(installation, tables.track_mbid, *names) == [(1, FIRST, 24)]
    links = rows(installation, tables.track_fingerprint, "track_id", "submission_count")
    assert links == [(1, 6)] * 4


def test_a_dump_says_the_same_of_a_merged_track(installation: Installation, tmp_path: Any) -> None:
    one, two, three = (submitted(installation, number, mbid=str(FIRST)) for number in (1, 2, 3))
    merge(installation, one, two)
    path = tmp_path / "2025-01-01-track-update.jsonl"
    # Later the dump merges the second one into the third one.
    lines = [
        {"id": 1, "gid": str(one), "new_id": 2},
        {"id": 2, "gid": str(two), "new_id": 3},
        {"id": 3, "gid": str(three)},
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    before = rows(installation, tables.track, "id", "new_id")[0]
    DumpImport(installation.parts.databases.fingerprint, tmp_path / "rejects").import_files([path])
    assert rows(installation, tables.track, "id", "new_id")[0] == before
    for gid in (one, two, three):
        assert found_by(installation, trackid=str(gid)) == [str(three)]
    for number in (1, 2, 3):
        assert found_by(installation, **music(number)) == [str(three)]
    with pytest.raises(MergeRefusedError, match=f"into {three} already"):
        merge(installation, one, three)


def _import_singly(installation: Installation) -> None:
    ingestion = build_ingestion(installation.parts)
    for id in ingestion.due(100):
        ingestion.import_submission(id)


def _started(call: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    return thread
