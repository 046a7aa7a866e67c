"""A dump becomes the database, on SQLite and PostgreSQL alike, however often it is imported."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Table, func, insert, select

from fpservice.db import copying, migrations
from fpservice.db.engines import open_engine
from fpservice.db.fingerprint import dump_rows, tables
from fpservice.db.fingerprint.fingerprints import fetch_fingerprints
from fpservice.db.fingerprint.index_changes import queued_changes, remove_changes
from fpservice.db.fingerprint.tracks import add_tracks, tracks_by_id
from fpservice.db.transaction import Database
from fpservice.domain.submission import SubmittedText
from fpservice.services.dump_import import BATCH_ROWS, RESERVED_IDS, DumpImport
from fpservice.services.dump_summary import Progress, Summary

DATASET = Path(__file__).parents[1] / "conformance_data" / "dataset"
STORED = {
    "track": 123,
    "meta": 63,
    "fingerprint": 136,
    "track_fingerprint": 136,
    "track_mbid": 180,
    "track_puid": 7,
    "track_meta": 63,
}
GIDS = [str(UUID(int=number)) for number in range(1, 10)]


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database ``fingerprint`` of its own."""
    if request.param == "sqlite":
        url, drop = f"sqlite:///{tmp_path / 'fingerprint.db'}", None
    else:
        server = request.getfixturevalue("postgres_server")
        url, drop = server.create_database("dumps"), server.drop_database
    found = Database("fingerprint", open_engine(url))
    migrations.upgrade(found)
    yield found
    found.close()
    if drop:
        drop(url)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "dump"
    path.mkdir()
    return path


def write(path: Path, *lines: dict[str, Any] | bytes) -> None:
    content = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in lines]
    path.write_bytes(gzip.compress(b"".join(one + b"\n" for one in content)))


def import_dump(database: Database, path: Path, **options: bool) -> Summary:
    return DumpImport(database, path.parent / "rejects", **options).import_files([path])


def rows(database: Database, table: Table) -> list[dict[str, Any]]:
    with database.reading() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def everything(database: Database) -> dict[str, list[dict[str, Any]]]:
    return {
        name: sorted(rows(database, table), key=lambda row: str(list(row.values())[:3]))
        for name, table in tables.metadata.tables.items()
    }


def dataset_lines(stream: str) -> list[dict[str, Any]]:
    with gzip.open(DATASET / f"{stream}-update.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def utc(moment: datetime) -> datetime:
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def test_the_dataset_is_stored_as_it_is(database: Database, tmp_path: Path) -> None:
    summary = DumpImport(database, tmp_path).import_files([DATASET])
    assert {file.file.stream: file.stored for file in summary.files} == STORED
    assert (summary.read, summary.bad, summary.failed) == (727, 0, [])
    assert not list(tmp_path.glob("*.rejects"))
    stored = {row["id"]: row for row in rows(database, tables.fingerprint)}
    with database.reading() as connection:
        decoded = fetch_fingerprints(connection, sorted(stored))
    for line in dataset_lines("fingerprint"):
        assert decoded[line["id"]].hashes.view("<i4").tolist() == line["fingerprint"]
        assert decoded[line["id"]].duration == line["length"]
        assert utc(stored[line["id"]]["created"]) == datetime.fromisoformat(line["created"])


def test_of_links_the_later_line_counts(database: Database) -> None:
    import_dump(database, DATASET)
    wanted = {
        (line["track_id"], UUID(line["mbid"])): (
            line["submission_count"],
            line.get("disabled", False),
            line.get("updated"),
        )
        for line in dataset_lines("track_mbid")
    }
    found = {
        (row["track_id"], row["mbid"]): (
            row["submission_count"],
            row["disabled"],
            row["updated"] and utc(row["updated"]),
        )
        for row in rows(database, tables.track_mbid)
    }
    assert found == {
        pair: (count, disabled, updated and datetime.fromisoformat(updated))
        for pair, (count, disabled, updated) in wanted.items()
    }


def test_text_is_found_by_its_digest(database: Database) -> None:
    import_dump(database, DATASET)
    for row in rows(database, tables.meta):
        text = {name: row[name] for name in SubmittedText().as_dict()}
        assert row["digest"] == SubmittedText(**text).digest()


def test_importing_again_changes_nothing(database: Database) -> None:
    import_dump(database, DATASET)
    before = everything(database)
    summary = import_dump(database, DATASET)
    assert (summary.stored, summary.read) == (0, 727)
    assert everything(database) == before


def test_the_index_is_told_of_what_is_new_or_different(database: Database, folder: Path) -> None:
    path = folder / "fingerprint-update.jsonl.gz"
    first, second = ({"id": n, "fingerprint": [n] * 100, "length": 10} for n in (7, 8))
    write(path, first, second)
    assert import_dump(database, folder).stored == 2
    with database.writing() as connection:
        queued = queued_changes(connection, 10)
        remove_changes(connection, [one.id for one in queued])
    assert {one.fingerprint_id for one in queued} == {7, 8}
    write(path, first, second | {"length": 11})
    assert import_dump(database, folder).stored == 1
    with database.reading() as connection:
        [change] = queued_changes(connection, 10)
    assert (change.fingerprint_id, change.duration) == (8, 11)


def test_nothing_is_queued_where_the_index_is_rebuilt_at_the_end(database: Database) -> None:
    import_dump(database, DATASET, index_at_end=True)
    with database.reading() as connection:
        assert queued_changes(connection, 10) == []


def test_later_days_win_and_missing_keys_become_null(database: Database, folder: Path) -> None:
    link = {"track_id": 1, "mbid": GIDS[0]}
    write(
        folder / "2025-01-02-track_mbid-update.jsonl.gz",
        link | {"id": 5, "submission_count": 3, "created": "2024-01-01T00:00:00+00:00"},
    )
    write(
        folder / "2025-01-01-track_mbid-update.jsonl.gz",
        link
        | {"id": 9, "submission_count": 8, "disabled": True, "updated": "2025-01-01T00:00:00Z"},
        link | {"submission_count": 9, "disabled": True, "updated": "2025-01-01T00:00:00Z"},
    )
    import_dump(database, folder)
    [row] = rows(database, tables.track_mbid)
    assert (row["submission_count"], row["disabled"], row["updated"]) == (3, False, None)


def test_a_line_without_created_keeps_that_of_the_row(database: Database, folder: Path) -> None:
    path = folder / "meta-update.jsonl.gz"
    write(path, {"id": 1, "track": "One", "created": "2020-05-06T07:08:09+00:00"})
    import_dump(database, folder)
    write(path, {"id": 1, "artist": "Two"}, {"id": 2, "track": "New"})
    import_dump(database, folder)
    found = {row["id"]: row for row in rows(database, tables.meta)}
    assert (found[1]["track"], found[1]["artist"]) == (None, "Two")
    assert utc(found[1]["created"]) == datetime(2020, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert found[2]["created"] is not None


def test_only_old_days_have_doubled_backslashes(database: Database, folder: Path) -> None:
    for number, day in ((1, "2024-12-04"), (2, "2024-12-05")):
        text = json.dumps({"id": number, "track": 'a \\ "quoted" word'})
        line = text.replace("\\", "\\\\") if number == 1 else text
        write(folder / f"{day}-meta-update.jsonl.gz", line.encode())
    import_dump(database, folder)
    assert [row["track"] for row in rows(database, tables.meta)] == ['a \\ "quoted" word'] * 2


def test_bad_lines_are_kept_and_good_ones_stored(database: Database, folder: Path) -> None:
    with database.writing() as connection:
        [own] = add_tracks(connection, [gid := uuid4()])
    taken = {"id": 500, "gid": str(gid)}
    path = folder / "track-update.jsonl"
    write(path, {"id": 10, "gid": GIDS[0]}, b"{", taken, {"id": 11, "gid": GIDS[1]}, {"id": 12})
    summary = import_dump(database, folder)
    [file] = summary.files
    assert (file.read, file.stored, file.bad, file.unchanged) == (5, 2, 3, 0)
    assert {row["id"] for row in rows(database, tables.track)} == {own, 10, 11}
    assert file.rejects == folder.parent / "rejects" / "track-update.jsonl.rejects"
    kept = [line.split("\t") for line in file.rejects.read_text(encoding="utf-8").splitlines()]
    assert sorted(int(number) for number, _, _ in kept) == [2, 3, 5]
    assert {int(number): text for number, _, text in kept}[3] == json.dumps(taken)
    assert "unique" in {int(number): reason for number, reason, _ in kept}[3].lower()


def test_new_tracks_get_ids_behind_the_imported_ones(database: Database, folder: Path) -> None:
    write(folder / "track-update.jsonl.gz", {"id": 1000, "gid": GIDS[0]})
    import_dump(database, folder)
    with database.writing() as connection:
        assert add_tracks(connection, [uuid4()]) == [1000 + RESERVED_IDS + 1]


def test_rows_may_come_before_what_they_point_to(database: Database, folder: Path) -> None:
    days = ("2025-01-01", "2025-01-02")
    write(folder / f"{days[0]}-track-update.jsonl.gz", {"id": 1, "gid": GIDS[0], "new_id": 2})
    write(folder / f"{days[1]}-track-update.jsonl.gz", {"id": 2, "gid": GIDS[1], "new_id": 3})
    write(folder / f"{days[1]}-meta-update.jsonl.gz")
    import_dump(database, folder)
    with database.reading() as connection:
        assert tracks_by_id(connection, [1]) == {}
    write(folder / "2025-01-03-track-update.jsonl.gz", {"id": 3, "gid": GIDS[2]})
    import_dump(database, folder)
    with database.reading() as connection:
        assert tracks_by_id(connection, [1])[1].id == 3


def test_a_damaged_file_does_not_stop_the_others(database: Database, folder: Path) -> None:
    tracks = [{"id": n, "gid": str(UUID(int=n))} for n in range(1, 2001)]
    path = folder / "track-update.jsonl.gz"
    write(path, *tracks)
    path.write_bytes(path.read_bytes()[:-500])
    write(folder / "meta-update.jsonl.gz", {"id": 1, "track": "One"})
    summary = import_dump(database, folder)
    [failed] = summary.failed
    assert failed.file.path == path
    assert "damaged after line" in str(failed.error)
    assert 0 < failed.stored == len(rows(database, tables.track)) < 2000
    assert len(rows(database, tables.meta)) == 1


def test_batches_are_bounded_and_progress_is_told(database: Database, folder: Path) -> None:
    count = BATCH_ROWS * 2 + 1
    write(
        folder / "track-update.jsonl.gz",
        *({"id": n, "gid": str(UUID(int=n))} for n in range(1, count + 1)),
    )
    write(folder / "meta-update.jsonl.gz", {"id": 1})
    told: list[Progress] = []
    summary = DumpImport(database, folder).import_files([folder], told.append)
    assert summary.stored == count + 1
    assert [one.read for one in told] == [BATCH_ROWS, BATCH_ROWS * 2, count, count + 1]
    assert [one.position for one in told] == sorted(one.position for one in told)
    assert told[-1].position == told[-1].size
    with database.reading() as connection:
        total = connection.execute(select(func.count()).select_from(tables.track)).scalar_one()
    assert total == count


def test_rows_of_the_service_stay(database: Database) -> None:
    """What dumps do not tell of a fingerprint is not wiped out."""
    with database.writing() as connection:
        values = {"id": 5001, "hashes": b"\0\0\0\0", "length": 1, "bitrate": 320}
        connection.execute(insert(tables.fingerprint).values(values))
    import_dump(database, DATASET)
    found = {row["id"]: row for row in rows(database, tables.fingerprint)}[5001]
    assert found["bitrate"] == 320
    assert found["length"] > 1


def test_one_refused_row_of_many_that_are_copied(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied: list[int] = []

    def copy_in(*arguments: Any) -> str:
        copied.append(len(arguments[3]))
        return copying.copy_in(*arguments)

    monkeypatch.setattr(dump_rows, "copy_in", copy_in)
    lines = [
        {
            "id": number,
            "track": 'a\tb\\ "c"\n' if number % 2 else None,
            "artist": "Motörhead 東京",
            "year": 1970 + number,
            "created": "2024-03-01T12:30:45.123456+02:00",
        }
        for number in range(1, 41)
    ]
    write(folder / "2025-01-01-meta-update.jsonl.gz", *lines)
    tracks = [{"id": number, "gid": str(UUID(int=number))} for number in range(1, 41)]
    tracks[7]["gid"] = tracks[3]["gid"]
    write(folder / "2025-01-01-track-update.jsonl.gz", *tracks)
    summary = import_dump(database, folder)
    assert {file.file.stream: (file.stored, file.bad) for file in summary.files} == {
        "meta": (40, 0),
        "track": (39, 1),
    }
    stored = {row["id"]: row for row in rows(database, tables.meta)}
    assert stored[3]["track"] == 'a\tb\\ "c"\n'
    assert stored[2]["track"] is None
    assert stored[40]["artist"] == "Motörhead 東京"
    assert stored[40]["year"] == 2010
    created = stored[1]["created"]
    expected = datetime(2024, 3, 1, 10, 30, 45, 123456, tzinfo=UTC)
    assert created.replace(tzinfo=created.tzinfo or UTC) == expected
    is_postgresql = database.engine.dialect.name == "postgresql"
    assert copied == ([40, 40] if is_postgresql else [])
    # The same again changes nothing.
    assert all(file.stored == 0 for file in import_dump(database, folder).files)
