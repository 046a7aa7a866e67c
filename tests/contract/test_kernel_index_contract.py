"""What every kernel does over the files of an index: whole ones, changed ones, damaged ones."""

from __future__ import annotations

import itertools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpservice import kernels
from fpservice.domain.errors import IndexCorruptError, IndexUnavailableError
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import query_terms
from fpservice.domain.matching import Match, SearchPolicy
from fpservice.domain.similarity import Comparison
from fpservice.index import manifest
from fpservice.index.batch_terms import batch_terms
from fpservice.index.delta import Delta
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.layout import LOG
from fpservice.index.record import Change, TermsOnly, encode, spread
from fpservice.index.segment import Segment
from fpservice.index.snapshot import Snapshot
from fpservice.interfaces import Hit, IndexDelete, StoredFingerprint
from fpservice.observability.metrics import NullMetrics
from fpservice.services.search import FingerprintSearch
from tests.index_samples import random_walk, sample, samples
from tests.kernels import EXAMPLES, NAMES, extension, music

QUICK = settings(max_examples=EXAMPLES // 4, deadline=None)
HASHES = st.sampled_from([i * 0x0666_6661 & 0xFFFF_FFFF for i in range(40)] + [1, 2, 17])
SHORT = st.lists(HASHES, max_size=30).map(lambda items: np.array(items, dtype=np.uint32))
IDS = st.one_of(st.integers(1, 12), st.sampled_from([2**31, 2**32 - 1]))
INSERTS = st.builds(StoredFingerprint, IDS, st.integers(0, 65_535), SHORT)
CHANGES: st.SearchStrategy[Change] = st.one_of(
    INSERTS, INSERTS, IDS.map(IndexDelete), st.builds(TermsOnly, IDS, SHORT)
)
Outcome = Any


def opened(path: Path, kernel: kernels.Name) -> EmbeddedIndex:
    """Open an index with one kind of kernels, which it keeps."""
    index = EmbeddedIndex(path)
    with kernels.using(kernel):
        index._reader.snapshot()
    return index


def outcome(work: Callable[[], Outcome]) -> Outcome:
    """Return what a call returns, or which error it raises in which words."""
    try:
        return work()
    except IndexUnavailableError as error:
        return type(error), str(error)


def compared(
    index: EmbeddedIndex, query: Hashes, ids: Sequence[int], beginning: int
) -> list[Match]:
    candidates = index.candidates(ids, 0, 65_535, 20)
    found = candidates.matches(Comparison(query), 0.1, beginning)
    return sorted(found, key=lambda match: match.fingerprint_id)


def everything(index: EmbeddedIndex, kernel: kernels.Name, query: Hashes) -> list[Outcome]:
    """Return the outcomes of all that searches do with an index."""
    terms = query_terms(query)
    ids = [0, -1, 2**32, *range(13), 2**31, 2**32 - 1, 2**70]
    found: list[Outcome] = []
    with kernels.using(kernel):
        for limit, least, percent in itertools.product((0, 3, 2**40), (-1, 1, 2), (-5, 0, 50, 500)):
            found.append(
                outcome(
                    lambda limit=limit, least=least, percent=percent: index.search(
                        terms, limit=limit, min_hits=least, min_percent=percent
                    )
                )
            )
        for low, high in ((0, 65_535), (100, 200), (7, 3), (-4, 2**40)):
            found.append(
                outcome(
                    lambda low=low, high=high: [
                        (one.id, one.duration, one.hashes.tolist())
                        for one in index.fetch_within(ids, low, high)
                    ]
                )
            )
        for beginning in (0, 3, 10):
            found.append(
                outcome(lambda beginning=beginning: compared(index, query, ids, beginning))
            )
    return found


def assert_same(path: Path, queries: Sequence[Hashes]) -> None:
    numpy, native = (opened(path, name) for name in NAMES)
    for query in queries:
        assert everything(numpy, "numpy", query) == everything(native, "native", query)
    numpy.close()
    native.close()


@pytest.fixture(params=NAMES)
def kernel(request: pytest.FixtureRequest) -> Iterator[str]:
    """Use one kind of kernels."""
    with kernels.using(request.param):
        yield request.param


@QUICK
@given(st.lists(st.lists(CHANGES, max_size=8), max_size=8), SHORT, st.integers(1, 9))
def test_any_changes(batches: list[list[Change]], query: Hashes, flush: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder)
        writer = EmbeddedIndex(path, flush_documents=flush, merge_in_background=False)
        followers = [opened(path, name) for name in NAMES]
        for batch in batches:
            writer.apply(batch)
            outcomes = [
                everything(index, name, query) for index, name in zip(followers, NAMES, strict=True)
            ]
            assert outcomes[0] == outcomes[1]
        assert_same(path, [query])


def test_a_snapshot_sees_no_later_change(tmp_path: Path, kernel: kernels.Name) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=20, merge_in_background=False)
    index.apply(samples(range(1, 21)))
    index.apply([sample(1, 1), IndexDelete(2), sample(30), sample(30, 1)])
    earlier = index._reader.snapshot()
    assert earlier is not None
    before = seen(earlier)
    index.apply([IndexDelete(1), sample(2), sample(30, 2), sample(31), IndexDelete(5)])
    assert seen(earlier) == before
    later = index._reader.snapshot()
    assert later is not None
    assert seen(later) != before


def seen(snapshot: Snapshot) -> list[Outcome]:
    found: list[Outcome] = [
        snapshot.search(query_terms(sample(one, version).hashes), 5, 1, 0, math.inf)
        for one in (1, 2, 3, 5, 30, 31)
        for version in (0, 1, 2)
    ]
    fetched = snapshot.fetch([1, 2, 3, 5, 30, 31], 0, 999)
    return [*found, [(one.id, one.duration, one.hashes.tolist()) for one in fetched]]


def test_frequent_terms_are_counted_document_by_document(
    tmp_path: Path, kernel: kernels.Name
) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=100, merge_in_background=False)
    hashes = sample(1).hashes
    index.apply([StoredFingerprint(one, 100, hashes[one % 7 :]) for one in range(1, 1001)])
    index.apply([IndexDelete(7), IndexDelete(14)])
    snapshot = index._reader.snapshot()
    assert snapshot is not None
    terms = query_terms(hashes)
    gathered = snapshot.search(terms, 2000, 1, 0, math.inf)
    assert len(gathered) == 998
    snapshot.segment_search.gather_limit = 1
    assert snapshot.search(terms, 2000, 1, 0, math.inf) == gathered
    with pytest.raises(IndexUnavailableError, match="too long"):
        snapshot.search(terms, 2000, 1, 0, 0.0)


def test_a_whole_search_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "index"
    known = {one: music(one, 600, 0.2) for one in range(1, 60)}
    writer = EmbeddedIndex(path, flush_documents=25, merge_in_background=False)
    for one, hashes in known.items():
        writer.apply([StoredFingerprint(one, 100 + one % 9, hashes)])
    queries = [hashes[shift : shift + 240] for shift in (0, 30) for hashes in known.values()]
    found = []
    for name in NAMES:
        index = opened(path, name)
        policy = SearchPolicy(retry_beginning=True)
        search = FingerprintSearch(index, index, policy, NullMetrics())
        with kernels.using(name):
            found.append([search.find(query, 104, 7) for query in queries])
            found[-1] += [search.find(query, None, 7) for query in queries]
    assert found[0] == found[1]
    assert sum(map(len, found[0])) > 100


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with a segment that has dead documents, a second one, and newest changes."""
    path = tmp_path_factory.mktemp("whole")
    index = EmbeddedIndex(path, flush_documents=30, merge_in_background=False)
    index.apply([StoredFingerprint(one, 100, random_walk(one, 60)) for one in range(1, 31)])
    index.apply([IndexDelete(5), *samples(range(40, 70), length=60)])
    index.apply(samples(range(100, 105), length=60))
    return path


def copied(whole: Path, path: Path) -> Path:
    for source in whole.rglob("*"):
        target = path / source.relative_to(whole)
        if source.is_dir():
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
    return path / "gen-000001"


def overwrite(path: Path, position: int, data: bytes) -> None:
    content = bytearray(path.read_bytes())
    content[position : position + len(data)] = data
    path.write_bytes(content)


WRONG = [0, 1, 17, 2**31, 2**32 - 1]


@pytest.mark.parametrize("which", ["starts", "postings", "positions", "durations"])
@pytest.mark.parametrize("value", WRONG)
def test_a_damaged_segment_is_the_same_error(
    whole: Path, tmp_path: Path, which: str, value: int
) -> None:
    generation = copied(whole, tmp_path)
    name = manifest.load(generation).segments[0].name
    segment = Segment(generation, manifest.load(generation).segments[0])
    array = {"positions": 1, "durations": 2, "starts": 3, "postings": 4}[which]
    begin, end = segment.shape.offsets()[array : array + 2]
    filled = np.full((end - begin) // 4, value, dtype=np.uint32).tobytes()
    overwrite(generation / name, begin, filled)
    assert_same(tmp_path, [random_walk(one, 60) for one in (1, 7, 30)])


@pytest.mark.parametrize("value", WRONG)
def test_a_damaged_log_is_the_same_error(whole: Path, tmp_path: Path, value: int) -> None:
    generation = copied(whole, tmp_path)
    segment = Segment(generation, manifest.load(generation).segments[0])
    for position in segment.positions[:8].tolist():
        for field in (4, 8, 12):
            overwrite(generation / LOG, position + field, np.uint32(value).tobytes())
            assert_same(tmp_path, [random_walk(1, 60)])


def test_damage_that_leads_out_of_the_files_is_an_error(
    whole: Path, tmp_path: Path, kernel: kernels.Name
) -> None:
    generation = copied(whole, tmp_path)
    entry = manifest.load(generation).segments[0]
    offsets = Segment(generation, entry).shape.offsets()
    path = generation / entry.name
    whole_file = path.read_bytes()
    for array, work in (
        (1, lambda index: index.fetch([1, 2, 3])),
        (1, lambda index: index.candidates([1, 2, 3], 0, 999, 5)),
        (3, lambda index: index.search(query_terms(random_walk(1, 60)), limit=5)),
    ):
        overwrite(
            path, offsets[array], b"\xff\xff\xff\x7f" * ((offsets[array + 1] - offsets[array]) // 4)
        )
        with pytest.raises(
            IndexCorruptError, match="makes no sense; run `fpservice index rebuild`"
        ):
            work(EmbeddedIndex(tmp_path))
        path.write_bytes(whole_file)


@QUICK
@given(st.lists(st.one_of(SHORT, st.builds(music, st.integers(0, 9), st.integers(1, 500)))))
def test_terms_of_many_at_once(batch: list[Hashes]) -> None:
    found = []
    for name in NAMES:
        with kernels.using(name):
            owners, terms = batch_terms(batch)
            assert owners.dtype == terms.dtype == np.uint32
            found.append(sorted(zip(owners.tolist(), terms.tolist(), strict=True)))
    assert found[0] == found[1]


@pytest.mark.parametrize("factor", [0, 1, 2**32, 2**63, 2**64 - 1])
def test_whatever_spreads_the_newest_terms_they_are_found(factor: int) -> None:
    native = extension()
    delta, segments = native.Delta(factor), native.Segments([])
    known = {one: np.arange(one, one + 9, dtype=np.uint32) for one in range(1, 400)}
    for one, terms in known.items():
        delta.append(one, 16, 100, spread(terms))
    for one, terms in known.items():
        asked = terms << np.uint32(4)
        found = segments.search(tuple, asked, delta, len(delta), 1, 1, 0, 9, 60.0)
        assert found == [(one, 9)]


@QUICK
@given(st.lists(CHANGES, max_size=20), st.data())
def test_the_same_of_a_log_is_read(changes: list[Change], data: st.DataObject) -> None:
    log = bytearray(b"".join(map(encode, changes)))
    if log:
        log = log[: data.draw(st.integers(0, len(log)))]
    for place in data.draw(st.lists(st.integers(0, max(len(log) - 1, 0)), max_size=1)):
        if log:
            log[place] ^= data.draw(st.integers(1, 255))
    written = bytes(log)
    plain = Delta(64)
    native = Delta(64, extension(), lambda start, end: written[start - 64 : end - 64])
    for delta in (plain, native):
        delta.extend(written)
    assert (len(native), native.end) == (len(plain), plain.end)
    for count in {0, len(plain) // 2, len(plain)}:
        assert repr(native.changed(count)) == repr(plain.changed(count))
        for one in (1, 7, 2**32 - 1):
            assert repr(native.latest(one, count)) == repr(plain.latest(one, count))


def test_changes_are_known_however_they_come(tmp_path: Path, kernel: kernels.Name) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=1000, merge_in_background=False)
    for first in range(1, 60, 7):
        index.apply(samples(range(first, first + 7), length=60))
        assert index.status().fingerprints == first + 6
    index.apply([IndexDelete(5)])
    assert index.status().fingerprints == 62
    assert [one.id for one in index.fingerprints()] == [one for one in range(1, 64) if one != 5]


def test_threads_search_while_one_writes(tmp_path: Path, kernel: kernels.Name) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=400, merge_in_background=False)
    index.apply(samples(range(1, 30), length=60))
    terms = query_terms(sample(3, length=60).hashes)
    wrong: list[object] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            hits = index.search(terms, limit=3)
            found = index.candidates([3, 4], 0, 999, 5).matches(
                Comparison(sample(3, length=60).hashes), 0.5
            )
            if hits != [Hit(3, len(terms))] or [one.fingerprint_id for one in found] != [3]:
                wrong.append((hits, found))

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for first in range(1000, 1600, 5):
        index.apply(samples(range(first, first + 5), length=60))
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
