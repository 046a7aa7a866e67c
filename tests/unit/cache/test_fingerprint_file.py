"""The file of shared fingerprints: what it knows, for how long, and when it is in the way."""

from __future__ import annotations

import errno
import logging
import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from fpservice.cache.fingerprints import filling
from fpservice.cache.fingerprints.file_format import (
    STATE_PLACE,
    Geometry,
    StrangeFileError,
    name_of,
)
from fpservice.cache.fingerprints.filling import FileFilling
from fpservice.cache.fingerprints.mapped_file import MappedFile
from fpservice.cache.fingerprints.read_through import ReadThroughSource
from fpservice.cache.fingerprints.shared_file import PAUSE
from fpservice.db.fingerprint.fingerprints import SurveyedRow
from fpservice.interfaces import StoredFingerprint
from tests.counted_metrics import CountedMetrics
from tests.index_samples import same, sample, samples
from tests.shared_fingerprints import NAME, SIZE, TTL, Clock, KeptSource, opened

HITS = "cache.hits.fingerprints.file"
MISSES = "cache.misses.fingerprints.file"
ERRORS = "cache.errors.fingerprints.file"
LONG = 65_535


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "fingerprints.cache"


@pytest.fixture
def database() -> KeptSource:
    return KeptSource(samples(range(1, 101)))


@pytest.fixture
def metrics() -> CountedMetrics:
    return CountedMetrics()


def holds(source: ReadThroughSource, *expected: StoredFingerprint) -> bool:
    found = source.fetch([one.id for one in expected])
    return len(found) == len(expected) and all(map(same, found, expected))


def write_at(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        file.write(data)


def test_what_was_read_once_is_not_read_again(
    path: Path, database: KeptSource, metrics: CountedMetrics
) -> None:
    one, other = opened(path, database, metrics), opened(path, database)
    assert holds(one, *samples([3, 1, 2]))
    assert holds(one, *samples([2, 4, 1]))
    assert holds(other, *samples([4, 3]))
    assert database.asked == [[3, 1, 2], [4]]
    assert (metrics.counts[HITS], metrics.counts[MISSES], metrics.counts[ERRORS]) == (2, 4, 0)


def test_of_what_is_out_of_bounds_the_duration_is_known(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    for _ in range(2):
        found = source.fetch_within(range(1, 11), 103, 105)
        assert [one.id for one in found] == [3, 4, 5]
    assert len(database.asked) == 1
    assert [one.id for one in source.fetch_within(range(1, 11), 105, 106)] == [5, 6]
    assert database.asked[1:] == [[6]]


def test_nothing_is_asked_for_beyond_the_limit(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    source.fetch([1, 2, 3])
    source.candidates([1, 2, 3, 4, 5], 0, LONG, 3)
    assert len(database.asked) == 1


def test_what_does_not_exist_is_asked_for_each_time(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    assert source.fetch([500]) == []
    database.contents[500] = sample(500)
    assert holds(source, sample(500))


def test_nothing_is_believed_longer_than_it_may_be(path: Path, database: KeptSource) -> None:
    clock = Clock()
    source = opened(path, database, clock=clock)
    source.fetch([1])
    database.contents[1] = sample(1, version=1)
    clock.now += TTL - 2
    assert holds(source, sample(1))
    clock.now += 4
    assert holds(source, sample(1, version=1))
    # Nor is what was read by a clock that was ahead.
    database.contents[1] = sample(1, version=2)
    clock.now -= 3600
    assert holds(source, sample(1, version=2))


def test_what_did_not_change_is_not_written_again(path: Path, database: KeptSource) -> None:
    clock = Clock()
    source = opened(path, database, clock=clock)
    source.fetch(range(1, 50))
    before = MappedFile(path, name_of(NAME)).end
    clock.now += TTL + 2
    source.fetch(range(1, 50))
    assert MappedFile(path, name_of(NAME)).end == before
    source.fetch(range(1, 50))
    assert len(database.asked) == 2


def test_what_was_replaced_or_deleted_is_forgotten(path: Path, database: KeptSource) -> None:
    one, other = opened(path, database), opened(path, database)
    assert holds(one, *samples([1, 2, 3]))
    database.contents[1] = sample(1, version=1)
    del database.contents[2]
    other.forget([1, 2, 2**40, 0, -1])
    assert one.fetch([2]) == []
    assert holds(one, sample(1, version=1), sample(3))
    assert database.asked[1:] == [[2], [1]]


def test_what_is_replaced_while_it_is_read_is_not_kept(path: Path, database: KeptSource) -> None:
    one, other = opened(path, database), opened(path, database)

    def replace() -> None:
        database.while_asked = lambda: None
        database.contents[1] = sample(1, version=1)
        other.forget([1])

    database.while_asked = replace
    assert holds(one, sample(1))
    assert holds(one, sample(1, version=1))


def test_what_is_replaced_while_the_file_is_too_is_not_kept(
    path: Path, database: KeptSource
) -> None:
    one, other = opened(path, database), opened(path, KeptSource(samples([50])))

    def replace() -> None:
        database.while_asked = lambda: None
        database.contents[1] = sample(1, version=1)
        other.clear()
        other.fetch([50])

    database.while_asked = replace
    assert holds(one, sample(1))
    assert holds(one, sample(1, version=1))


def test_all_is_forgotten_when_the_lock_cannot_be_had(
    path: Path, database: KeptSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fpservice.cache.fingerprints.shared_file._PATIENCE", 0.01)
    source = opened(path, database)
    source.fetch([1])
    database.contents[1] = sample(1, version=1)
    with FileFilling(path, SIZE, name_of(NAME)).alone() as alone:
        assert alone
        source.forget([1])
    assert holds(source, sample(1, version=1))


def test_who_does_not_get_the_lock_does_without(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    source.fetch([1])
    with FileFilling(path, SIZE, name_of(NAME)).alone():
        for _ in range(2):
            assert holds(source, *samples([1, 2]))
    assert database.asked[1:] == [[2], [2]]
    assert holds(source, *samples([1, 2]))
    assert holds(source, *samples([1, 2]))
    assert len(database.asked) == 4


def test_a_full_file_gives_way_to_a_new_one(path: Path) -> None:
    contents = [sample(one, length=5_000) for one in range(1, 201)]
    source = opened(path, KeptSource(contents))
    old = source.candidates([1], 0, LONG, 1)
    files = set()
    for start in range(0, 200, 10):
        part = contents[start : start + 10]
        for _ in range(2):
            assert holds(source, *part)
        files.add(path.stat().st_ino)
        assert path.stat().st_size == SIZE
    assert len(files) > 2
    assert sorted(path.parent.iterdir()) == [path]
    # Who had the old one goes on reading it.
    assert same(old.parts[1].fingerprints[0], contents[0])  # type: ignore[attr-defined]


def test_what_fits_into_no_file_is_left_out(path: Path) -> None:
    contents = [sample(one, length=60_000) for one in range(1, 11)]
    database = KeptSource([*contents, StoredFingerprint(11, 70_000, sample(11).hashes)])
    source = opened(path, database)
    assert holds(source, *contents)
    assert holds(source, contents[0])
    assert len(database.asked) == 2
    assert [one.duration for one in source.fetch([11])] == [70_000]


def test_more_ids_than_a_bucket_holds(path: Path) -> None:
    geometry, same_bucket = Geometry.of(SIZE), []
    for one in range(1, 10_000):
        if geometry.bucket(one) == 5:
            same_bucket.append(one)
    contents = samples(same_bucket[:20], length=10)
    database = KeptSource(contents)
    source = opened(path, database)
    for _ in range(3):
        assert holds(source, *contents)
    assert len(source.fetch([one.id for one in contents[-1:]])) == 1
    assert len(database.asked[-1]) < 20


def test_a_file_that_is_gone_is_begun_anew(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    for _ in range(3):
        assert holds(source, *samples([1, 2]))
        assert holds(source, *samples([1, 2]))
        path.unlink()
    path.parent.rmdir()
    assert holds(source, *samples([1, 2]))
    assert path.exists()
    assert len(database.asked) == 4


@pytest.mark.parametrize("damage", ["empty", "short", "header", "end", "other database", "noise"])
def test_a_file_that_is_none_is_replaced(path: Path, database: KeptSource, damage: str) -> None:
    opened(path, database, name="other" if damage == "other database" else NAME).fetch([1])
    if damage in ("empty", "short"):
        os.truncate(path, 0 if damage == "empty" else SIZE - 4096)
    elif damage == "noise":
        path.write_bytes(random.Random(1).randbytes(5000))
    elif damage != "other database":
        write_at(path, STATE_PLACE + 8 if damage == "end" else 3, b"\xff" * 8)
    database.contents[1] = sample(1, version=1)
    source = opened(path, database)
    for _ in range(2):
        assert holds(source, sample(1, version=1))
    assert len(database.asked) == 2


def test_a_file_that_is_cut_off_while_it_is_mapped(path: Path, database: KeptSource) -> None:
    source = opened(path, database)
    source.fetch([1])
    os.truncate(path, 100)
    assert holds(source, sample(1))
    assert path.stat().st_size == SIZE


def test_an_end_that_is_damaged_while_it_is_mapped(
    path: Path, database: KeptSource, metrics: CountedMetrics
) -> None:
    source = opened(path, database, metrics)
    source.fetch([1])
    write_at(path, STATE_PLACE + 8, b"\xff" * 8)
    assert holds(source, *samples([1, 2]))
    assert metrics.counts[ERRORS] > 0
    assert holds(opened(path, database), *samples([1, 2]))


def test_damaged_slots_and_records_are_absent(path: Path, database: KeptSource) -> None:
    known = samples(range(1, 101))
    opened(path, database).fetch(range(1, 101))
    size = MappedFile(path, name_of(NAME)).end
    rng = random.Random(7)
    for _ in range(30):
        for _ in range(40):
            place = rng.randrange(4096, size)
            write_at(path, place, rng.randbytes(rng.randrange(1, 9)))
        assert holds(opened(path, database), *known)
    assert len(database.asked) > 20


def test_a_damaged_duration_hides_nothing(path: Path, database: KeptSource) -> None:
    opened(path, database).fetch_within([1], 1000, 1001)
    view = MappedFile(path, name_of(NAME))
    [number] = view.slots_of([1])
    write_at(path, view.geometry.slot_place(number) + 12, b"\x05\x00")
    found = opened(path, database).fetch_within([1], 100, 1000)
    assert [one.id for one in found] == [1]


def test_what_a_power_loss_leaves_behind_the_end_does_not_count(
    path: Path, database: KeptSource
) -> None:
    opened(path, database).fetch([1])
    end = MappedFile(path, name_of(NAME)).end
    opened(path, database).fetch([2, 3, 4])
    write_at(path, STATE_PLACE + 8, end.to_bytes(8, "little"))
    early = opened(path, database)
    assert holds(early, *samples([1, 3]))
    # It was not taken for one that is there: others write where it was.
    assert MappedFile(path, name_of(NAME)).end > end
    for one in range(10, 20):
        assert holds(early, *samples([one, 2, 3, 4]))
        assert holds(opened(path, database), *samples([1, 2, 3, 4, one]))


def test_a_record_without_its_slot_does_not_count(
    path: Path, database: KeptSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(path, database).fetch([1])
    write = filling._write
    for last in range(3):
        left = last

        def broken(descriptor: int, data: bytes, place: int) -> None:
            nonlocal left
            if left == 0:
                os.pwrite(descriptor, data[: len(data) // 2], place)
                raise OSError(errno.ENOSPC, "No space left on device")
            left -= 1
            write(descriptor, data, place)

        monkeypatch.setattr(filling, "_write", broken)
        assert holds(opened(path, database), *samples([2, 3]))
        monkeypatch.setattr(filling, "_write", write)
        assert holds(opened(path, database), *samples([1, 2, 3, 4]))
        opened(path, database).forget([2, 3])


def test_a_full_disk_is_counted_and_said_once(
    path: Path,
    database: KeptSource,
    metrics: CountedMetrics,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = opened(path, database, metrics)
    source.fetch([1])
    monkeypatch.setattr(filling, "_write", full)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert holds(source, *samples([1, 2]))
    assert metrics.counts[ERRORS] == 1
    assert len(caplog.records) == 1
    # What is there is read all the same.
    assert database.asked == [[1], [2], [2], [2]]


def full(descriptor: int, data: bytes, place: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_cannot_be_invalidated_is_removed(
    path: Path, database: KeptSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(path, database)
    source.fetch([1])
    monkeypatch.setattr(filling, "_write", full)
    source.forget([1])
    assert not path.exists()


def test_a_folder_that_cannot_be_used_is_done_without(
    path: Path, database: KeptSource, metrics: CountedMetrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.write_text("no folder")
    source = opened(path, database, metrics)
    for _ in range(3):
        assert holds(source, *samples([1, 2]))
    source.forget([1])
    source.clear()
    assert metrics.counts[ERRORS] >= 1
    path.parent.unlink()
    later = time.monotonic() + PAUSE + 1
    monkeypatch.setattr("time.monotonic", lambda: later)
    assert holds(source, *samples([1, 2]))
    assert path.exists()


def test_all_can_be_forgotten(path: Path, database: KeptSource) -> None:
    one, other = opened(path, database), opened(path, database)
    one.clear()
    one.fetch([1, 2])
    database.contents[1] = sample(1, version=1)
    other.clear()
    assert holds(one, sample(1, version=1), sample(2))


def test_a_file_of_another_size_is_used_until_it_is_full(path: Path, database: KeptSource) -> None:
    opened(path, database, size=2 * SIZE).fetch([1])
    assert holds(opened(path, database), sample(1))
    assert path.stat().st_size == 2 * SIZE
    assert len(database.asked) == 1


def test_neither_descriptors_nor_maps_pile_up(path: Path, database: KeptSource) -> None:
    source = opened(path, database)

    def round_of(ids: Sequence[int]) -> None:
        source.fetch(ids)
        source.forget(ids)
        source.clear()

    round_of([1, 2])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        round_of([1, 2])
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_a_mapped_file_says_what_is_wrong(path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        MappedFile(path, name_of(NAME))
    path.parent.mkdir()
    new = FileFilling(path, SIZE, name_of(NAME)).begin()
    assert new.is_at(path)
    with pytest.raises(StrangeFileError, match="another database"):
        MappedFile(path, name_of("other"))
    FileFilling(path, SIZE, name_of(NAME)).begin().slots_of([1])
    assert not new.is_at(path)


def test_only_durations_do_not_fill_the_file(path: Path) -> None:
    path.parent.mkdir()
    filler = FileFilling(path, SIZE, name_of(NAME))
    view = filler.begin()
    before = view.end
    filler.add(view, [SurveyedRow(one, 100, None) for one in range(1, 50)], 1)
    assert view.end == before
    assert len(view.slots_of(range(1, 50))) == 49
