"""What goes wrong while importing loses nothing, doubles nothing, and stops nothing else."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from fpservice.bootstrap import (
    Parts,
    build_comparison,
    build_importer,
    build_indexing,
    build_ingestion,
    build_parts,
    build_rebuild,
)
from fpservice.config import load_config
from fpservice.db.fingerprint.tables import fingerprint, track, track_fingerprint, track_mbid
from fpservice.db.ingest.tables import submission
from fpservice.domain.errors import IndexCorruptError, IndexLockedError
from fpservice.index.embedded import EmbeddedIndex
from fpservice.services.ingestion import ImportOutcome
from tests.installation import Installation, environment, fresh_fingerprint, install, recordings
from tests.services import DatabaseUrls

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"


def song(number: int) -> dict[str, object]:
    one = recordings()[number]
    return {"duration": one["duration"], "fingerprint": one["fingerprint"], "mbid": MBID}


def counts(parts: Parts) -> dict[str, tuple[int, int]]:
    """Return, for each table, the number of rows and the sum of their submission counts."""
    found = {}
    with parts.databases.fingerprint.reading() as connection:
        for table in (fingerprint, track, track_fingerprint, track_mbid):
            column = table.c.get("submission_count")
            total = func.sum(column) if column is not None else func.count()
            found[table.name] = tuple(connection.execute(select(func.count(), total)).one())
    return found


@pytest.fixture
def others(databases: DatabaseUrls, tmp_path: Path) -> Iterator[list[Parts]]:
    """Four more processes' worth of connections to the same installation."""
    several = [build_parts(load_config(environment(databases, tmp_path))) for _ in range(4)]
    yield several
    for parts in several:
        parts.close()


def test_a_submission_delivered_five_times_takes_effect_once(
    installation: Installation, others: list[Parts]
) -> None:
    [one] = installation.submit(**song(0))
    ingestions = [build_ingestion(parts) for parts in (*others, installation.parts)]
    outcomes: list[ImportOutcome] = []
    threads = [
        threading.Thread(target=lambda i=ingestion: outcomes.append(i.import_submission(one)))
        for ingestion in ingestions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {ImportOutcome.IMPORTED, ImportOutcome.GONE}
    assert len(outcomes) == 5
    assert set(counts(installation.parts).values()) == {(1, 1)}


def test_two_importers_with_the_same_music_make_one_track(
    installation: Installation, others: list[Parts]
) -> None:
    ids = [installation.submit(**song(3))[0] for _ in range(20)]
    importers = [build_ingestion(parts) for parts in others]

    def work(number: int) -> None:
        for id in ids[number::4]:
            importers[number].import_submission(id)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = counts(installation.parts)
    assert found["fingerprint"] == found["track"] == (1, 1)
    assert found["track_fingerprint"] == found["track_mbid"] == (1, 20)


def test_a_poison_submission_fails_by_itself_and_can_be_retried(
    databases: DatabaseUrls, tmp_path: Path
) -> None:
    variables = environment(databases, tmp_path)
    installed = install(
        {**variables, "ACOUSTID_WORKER_RETRY_DELAY": "0.01", "ACOUSTID_WORKER_MAX_ATTEMPTS": "3"}
    )
    [poison] = installed.submit(**song(0))
    good = [installed.submit(**song(number))[0] for number in range(1, 5)]
    ingest = installed.parts.databases.ingest
    with ingest.reading() as connection:
        hashes = connection.execute(
            select(submission.c.hashes).where(submission.c.id == poison)
        ).scalar_one()
    with ingest.writing() as connection:
        connection.execute(
            update(submission).where(submission.c.id == poison).values(hashes=b"abc")
        )
    importer = build_importer(installed.parts)
    for _ in range(200):
        importer.round()
        if installed.status(poison)[0]["status"] == "failed":
            break
        threading.Event().wait(0.02)
    states = [one["status"] for one in installed.status(poison, *good)]
    assert states == ["failed"] + ["imported"] * 4
    assert "InvalidFingerprintError" in installed.status(poison)[0]["reason"]
    with ingest.writing() as connection:
        connection.execute(
            update(submission).where(submission.c.id == poison).values(hashes=hashes)
        )
    service = installed.app.extensions["fpservice"].submission
    assert service.retry(poison)
    assert not service.retry(good[0])
    installed.import_all()
    assert installed.status(poison)[0]["status"] == "imported"
    installed.parts.close()


def test_a_locked_index_delays_and_loses_nothing(installation: Installation) -> None:
    [one] = installation.submit(**song(0))
    index = installation.parts.index
    assert isinstance(index, EmbeddedIndex)
    holder = EmbeddedIndex(installation.config.index_path)
    importer = build_importer(installation.parts)
    # The change of the first is there already, so that there is something to tell.
    build_ingestion(installation.parts).import_submission(one)
    with holder.writing():
        with pytest.raises(IndexLockedError, match="process"):
            build_indexing(installation.parts).drain()
        importer.round()
    holder.close()
    # The database had it already; the index is told as soon as it can be.
    assert installation.status(one)[0]["status"] == "imported"
    importer.round()
    assert len(installation.call("/v2/lookup", **song(0))["results"]) == 1


def test_what_the_index_does_not_know_yet_is_matched_all_the_same(
    installation: Installation,
) -> None:
    ingestion = build_ingestion(installation.parts)
    for _ in range(3):
        [one] = installation.submit(**song(0))
        assert ingestion.import_submission(one) is ImportOutcome.IMPORTED
    assert installation.parts.index.status().fingerprints == 0
    assert counts(installation.parts)["track"] == (1, 1)
    assert counts(installation.parts)["track_fingerprint"] == (1, 3)


def test_without_its_files_the_index_is_rebuilt_from_the_database(
    installation: Installation,
) -> None:
    installation.submit(**song(0))
    installation.submit(duration=30, fingerprint=fresh_fingerprint(9), track="x")
    installation.import_all()
    shutil.rmtree(installation.config.index_path)
    again = build_parts(installation.config)
    # A wiped index is no empty one: what it does not know would be taken for new music.
    [waiting] = installation.submit(**song(0))
    with pytest.raises(IndexCorruptError, match="rebuild"):
        build_ingestion(again).import_submission(waiting)
    with pytest.raises(IndexCorruptError, match="gone"):
        again.index.ping()
    assert build_rebuild(again).rebuild(lambda number: None) == 2
    assert build_comparison(again).differences(lambda number: None) == []
    again.close()
    assert len(installation.call("/v2/lookup", **song(0))["results"]) == 1
