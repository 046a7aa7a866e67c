"""The embedded index in one process: limits, fetching, refreshing, threads, forks, full disks."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fpservice.domain.errors import IndexUnavailableError
from fpservice.domain.index_query import query_terms
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.record import TermsOnly, distinct_terms
from fpservice.index.segment_search import SegmentSearch
from fpservice.index.state import State
from fpservice.interfaces import Hit, IndexChange, IndexDelete, IndexStatus, StoredFingerprint
from tests.index_samples import apply_to, same, same_contents, sample, samples

HASHES = np.arange(16, 160, dtype=np.uint32)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[EmbeddedIndex]:
    """An index that writes a segment for every ten changes."""
    made = EmbeddedIndex(tmp_path / "index", flush_documents=10, merge_in_background=False)
    yield made
    made.close()


@pytest.mark.parametrize(
    "change",
    [
        StoredFingerprint(0, 1, HASHES),
        StoredFingerprint(2**32, 1, HASHES),
        StoredFingerprint(-1, 1, HASHES),
        StoredFingerprint(1, -1, HASHES),
        StoredFingerprint(1, 65_536, HASHES),
        StoredFingerprint(1, 1, HASHES.astype(np.int64)),
        StoredFingerprint(1, 1, HASHES.reshape(2, -1)),
        StoredFingerprint(1, 1, np.zeros(65_536, dtype=np.uint32)),
        IndexDelete(0),
        TermsOnly(0, HASHES),
    ],
)
def test_what_is_out_of_range_is_refused_and_changes_nothing(
    index: EmbeddedIndex, change: StoredFingerprint | IndexDelete | TermsOnly
) -> None:
    with pytest.raises(ValueError, match=r"not|more than"):
        index.apply([sample(1), change])
    assert index.status().fingerprints == 0


def test_the_longest_fingerprint(index: EmbeddedIndex) -> None:
    longest = StoredFingerprint(2**32 - 1, 65_535, sample(1, length=65_535).hashes)
    index.apply([longest])
    assert same(index.fetch([2**32 - 1])[0], longest)
    assert list(index.verify()) == []


def test_fetching_keeps_the_order_asked_for(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 26)))
    wanted = [25, 3, 0, 99, 17, 2**32, -1, 3, 12]
    assert [one.id for one in index.fetch(wanted)] == [25, 3, 17, 3, 12]
    assert all(same(one, sample(one.id)) for one in index.fetch(wanted))
    assert index.fetch([]) == []


def test_fetched_hashes_cannot_be_altered_and_outlive_the_index(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 15)))
    old, new = index.fetch([1, 14])
    index.close()
    assert not old.hashes.flags.writeable
    assert not new.hashes.flags.writeable
    assert same(old, sample(1))
    assert same(new, sample(14))


def test_fetching_within_durations(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 26)))
    found = index.fetch_within(range(30, 0, -1), 105, 112)
    assert [one.id for one in found] == [12, 11, 10, 9, 8, 7, 6, 5]


def test_low_bits_and_repeated_terms_do_not_count(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 15)))
    for number in (3, 14):
        terms = query_terms(sample(number).hashes)
        asked = np.concatenate((terms, terms | np.uint32(7), terms[:20]))
        assert index.search(asked, limit=5) == [Hit(number, len(terms))]


def test_applying_again_does_not_grow_the_files(index: EmbeddedIndex) -> None:
    changes: list[IndexChange] = [*samples(range(1, 15)), IndexDelete(14)]
    index.apply(changes)
    before = index.status()
    for _ in range(3):
        index.apply(samples(range(1, 14)))
        index.apply([IndexDelete(14)])
    assert index.status() == before


def test_terms_only_are_found_but_not_fetched(index: EmbeddedIndex) -> None:
    terms = query_terms(sample(5).hashes)
    many = [TermsOnly(one, query_terms(sample(one).hashes)) for one in range(1, 12)]
    index.apply([*many, TermsOnly(12, terms[:30])])
    assert index.search(terms, limit=5) == [Hit(5, len(terms)), Hit(12, 30)]
    assert index.fetch([5, 12]) == []
    assert list(index.fingerprints()) == []
    assert list(index.verify()) == []


def test_a_directory_that_is_not_there_is_an_empty_index(tmp_path: Path) -> None:
    reader = EmbeddedIndex(tmp_path / "index")
    assert reader.status() == IndexStatus("embedded", 0, 0, 0, "", str(tmp_path / "index"))
    assert reader.fetch([1]) == []
    reader.warm()
    assert list(reader.verify()) == []
    assert list(reader.fingerprints()) == []
    assert not (tmp_path / "index").exists()
    EmbeddedIndex(tmp_path / "index").apply([sample(1)])
    assert len(reader.fetch([1])) == 1
    reader.warm()


def test_a_wiped_directory_is_noticed(index: EmbeddedIndex, tmp_path: Path) -> None:
    index.apply(samples(range(1, 25)))
    reader = EmbeddedIndex(tmp_path / "index")
    assert len(reader.fetch([1])) == 1
    shutil.rmtree(tmp_path / "index")
    index.apply([sample(50)])
    assert same_contents(index.fingerprints(), {50: sample(50)})
    deadline = time.monotonic() + 2
    while reader.fetch([1]) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert [one.id for one in reader.fetch([1, 50])] == [50]


def test_a_search_has_a_time_limit(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 25)))
    with pytest.raises(IndexUnavailableError):
        index.search(query_terms(sample(1).hashes), limit=1, timeout=-1.0)


def test_a_search_of_frequent_terms_has_a_time_limit(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 25)))
    snapshot = index._reader.snapshot()
    assert snapshot is not None
    search = SegmentSearch(snapshot.segments, gather_limit=1)
    with pytest.raises(IndexUnavailableError):
        search.count(distinct_terms(query_terms(sample(1).hashes)), time.monotonic() - 1)


def test_threads_read_while_one_writes(index: EmbeddedIndex) -> None:
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            for number in (1, 13, 27):
                found = index.fetch([number])
                if found and not any(same(found[0], sample(number, v)) for v in range(4)):
                    wrong.append(found)
                hits = index.search(query_terms(sample(40).hashes), limit=3)
                if hits != [Hit(40, len(query_terms(sample(40).hashes)))]:
                    wrong.append(hits)

    index.apply([sample(40)])
    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for version in range(4):
        for first in range(1, 31, 3):
            index.apply(samples(range(first, first + 3), version))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_search_sees_one_moment_only(index: EmbeddedIndex) -> None:
    index.apply([sample(1), sample(2)])
    snapshot = index._reader.snapshot()
    assert snapshot is not None
    index.apply([sample(1, 1), IndexDelete(2), sample(3)])
    assert index.status().fingerprints == 2
    for number in (1, 2):
        terms = query_terms(sample(number).hashes)
        assert snapshot.search(terms, 5, 1, 0, time.monotonic() + 5) == [Hit(number, len(terms))]
    assert snapshot.search(query_terms(sample(3).hashes), 5, 1, 0, time.monotonic() + 5) == []
    assert [same(one, sample(one.id)) for one in snapshot.fetch([1, 2, 3], 0, 999)] == [True, True]


def test_a_forked_child_goes_on_reading_and_writing(index: EmbeddedIndex) -> None:
    index.apply(samples(range(1, 15)))
    child = os.fork()
    if not child:
        try:
            index.apply([sample(20)])
            os._exit(0 if len(index.fetch([3, 20])) == 2 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    index.apply([sample(21)])
    assert same_contents(index.fingerprints(), apply_to({}, samples([*range(1, 15), 20, 21])))
    assert list(index.verify()) == []


def test_a_child_forked_while_another_thread_opens_is_not_stuck(tmp_path: Path) -> None:
    reader = EmbeddedIndex(tmp_path)
    with reader._reader._renewing:
        child = os.fork()
        if not child:
            try:
                reader.ping()
                os._exit(0)
            except BaseException:
                os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@contextlib.contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Have every write beyond so many bytes of a file fail, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("within_a_record", [True, False])
def test_a_full_disk_loses_nothing(
    index: EmbeddedIndex, tmp_path: Path, within_a_record: bool
) -> None:
    index.apply(samples(range(1, 15)))
    generation = tmp_path / "index" / "gen-000001"
    # The log has a sparse tail, and grows when that is full.
    room = State(generation).published + 1_000
    size = room if within_a_record else (generation / "log.dat").stat().st_size
    written = []

    def fill() -> None:
        for number in range(100, 400):
            index.apply([sample(number, length=2_000)])
            written.append(number)

    with files_no_longer_than(size):
        with pytest.raises(IndexUnavailableError, match="File too large"):
            fill()
        assert bool(written) is not within_a_record
        assert [one.id for one in index.fetch(range(100, 400))] == written
    index.apply([sample(500)])
    expected = [*samples([*range(1, 15), 500]), *samples(written, length=2_000)]
    assert same_contents(index.fingerprints(), apply_to({}, expected))
    assert list(index.verify()) == []


def test_segments_that_cannot_be_written_are_tried_again(
    index: EmbeddedIndex, caplog: pytest.LogCaptureFixture
) -> None:
    index.apply([sample(1, length=20)])
    # Enough for the log of such short fingerprints, but not for a segment of them.
    with files_no_longer_than(4_096):
        index.apply(samples(range(2, 20), length=20))
        assert "cannot write segments" in caplog.text
        assert index.status().segments == 0
        assert len(index.fetch(range(1, 20))) == 19
    index.apply([sample(20)])
    assert index.status().segments == 1
    assert len(index.fetch(range(1, 21))) == 20
    assert list(index.verify()) == []
