"""Whatever is done to an index, in whatever order, it holds and finds what a plain model does."""

from __future__ import annotations

from collections.abc import Sequence
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fpservice.domain.fingerprint import Hashes, decode
from fpservice.domain.index_query import SILENCE, query_terms
from fpservice.index import record
from fpservice.index.batch_terms import batch_terms
from fpservice.index.builder import IndexBuilder
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.manifest import SegmentEntry
from fpservice.index.merge import merge_plan
from fpservice.index.record import Change
from fpservice.index.segment_search import SegmentSearch
from fpservice.interfaces import IndexDelete, StoredFingerprint
from tests.index_samples import Contents, apply_to, expected_hits, same_contents
from tests.unit.test_golden import rows as golden

# Few hashes, so that fingerprints share terms; some differ in bits that do not count.
HASHES = st.sampled_from([SILENCE, *(i * 0x0666_6661 & 0xFFFF_FFFF for i in range(40)), 1, 2, 17])
SHORT = st.lists(HASHES, max_size=30).map(lambda items: np.array(items, dtype=np.uint32))
IDS = st.one_of(st.integers(1, 8), st.sampled_from([2**31, 2**32 - 1]))
INSERTS = st.builds(StoredFingerprint, IDS, st.integers(0, 65_535), SHORT)
CHANGES: st.SearchStrategy[Change] = st.one_of(INSERTS, INSERTS, IDS.map(IndexDelete))
BATCHES = st.lists(st.lists(CHANGES, max_size=6), max_size=8)
QUICK = settings(max_examples=40, deadline=None)


def check(index: EmbeddedIndex, contents: Contents, query: Hashes, percent: int) -> None:
    terms = query_terms(query)
    found = index.search(terms, limit=4, min_percent=percent)
    assert found == expected_hits(contents, terms.tolist(), 4, 1, percent)
    assert same_contents(index.fingerprints(), contents)
    assert same_contents(index.fetch([0, *range(1, 9), 2**31, 2**32 - 1, 2**33]), contents)
    assert index.status().fingerprints == len(contents)


@QUICK
@given(BATCHES, SHORT, st.sampled_from([0, 10, 50]), st.integers(1, 6), st.integers(1, 3))
def test_any_changes(
    batches: list[list[Change]], query: Hashes, percent: int, flush: int, segments: int
) -> None:
    with TemporaryDirectory() as directory:
        index = EmbeddedIndex(
            directory,
            flush_documents=flush,
            max_segments=segments,
            merge_in_background=False,
        )
        reader = EmbeddedIndex(directory)
        contents: Contents = {}
        for batch in batches:
            index.apply(batch)
            contents = apply_to(contents, batch)
            check(index, contents, query, percent)
        check(reader, contents, query, percent)
        check(EmbeddedIndex(directory), contents, query, percent)
        assert list(index.verify()) == []


@QUICK
@given(st.lists(st.lists(INSERTS, max_size=6), max_size=6), BATCHES, SHORT, st.integers(1, 9))
def test_a_built_index(
    inserts: list[list[StoredFingerprint]], batches: list[list[Change]], query: Hashes, size: int
) -> None:
    with TemporaryDirectory() as directory:
        contents: Contents = {}
        with IndexBuilder(directory, segment_documents=size) as builder:
            for batch in inserts:
                builder.add(batch)
                contents = apply_to(contents, batch)
            builder.commit(lambda: batches)
        for changes in batches:
            contents = apply_to(contents, changes)
        index = EmbeddedIndex(directory)
        check(index, contents, query, 0)
        assert list(index.verify()) == []


def walk(length: int) -> Hashes:
    """Return hashes that repeat often, with silence among them: windows have to grow."""
    rng = np.random.default_rng(length)
    hashes = np.repeat(rng.integers(0, 2**32, size=length, dtype=np.uint32), 1 + length % 4)
    hashes[rng.random(len(hashes)) < 0.1] = SILENCE
    return hashes


@QUICK
@given(st.lists(st.one_of(SHORT, st.integers(0, 400).map(walk))))
def test_terms_of_many_are_the_terms_of_each(batch: list[Hashes]) -> None:
    owners, terms = batch_terms(batch)
    for place, hashes in enumerate(batch):
        expected = record.spread(query_terms(hashes) >> record.TERM_SHIFT)
        assert sorted(terms[owners == place].tolist()) == sorted(expected.tolist())


@QUICK
@given(st.lists(CHANGES, max_size=6), st.binary(max_size=60), st.integers(0, 200))
def test_scanning_ends_where_the_records_do(
    changes: list[Change], rest: bytes, position: int
) -> None:
    records = [record.encode(change) for change in changes]
    found = list(record.scan(b"".join(records) + rest, position))
    assert [one.fingerprint_id for one in found] == [identity(change) for change in changes]
    assert (found[-1].end if found else position) == position + sum(map(len, records))


def identity(change: Change) -> int:
    return change.id if isinstance(change, StoredFingerprint) else change.fingerprint_id


@QUICK
@given(st.lists(st.integers(1, 50_000), min_size=1, max_size=30), st.integers(1, 6))
def test_merging_ends_with_few_segments(sizes: Sequence[int], most: int) -> None:
    segments = [SegmentEntry(str(number), size) for number, size in enumerate(sizes)]
    for step in range(len(sizes)):
        plan = merge_plan(segments, most)
        if not plan:
            break
        assert len(plan) > 1
        total = sum(entry.documents for entry in plan)
        kept = [entry for entry in segments if entry not in plan]
        segments = [*kept, SegmentEntry(f"merged {step}", total)]
    assert len(segments) <= most
    assert sum(entry.documents for entry in segments) == sum(sizes)


@pytest.mark.parametrize("limit", [1, 50, 1 << 18])
@QUICK
@given(st.lists(INSERTS, max_size=20), SHORT)
def test_frequent_terms_are_counted_alike(
    limit: int, inserts: list[StoredFingerprint], query: Hashes
) -> None:
    with TemporaryDirectory() as directory:
        index = EmbeddedIndex(directory, flush_documents=4, merge_in_background=False)
        index.apply(inserts)
        snapshot = index._reader.snapshot()
        if snapshot is None:
            return
        search = SegmentSearch(snapshot.segments, gather_limit=limit)
        terms = record.distinct_terms(query)
        ids, hits = search.count(terms, float("inf"))
        others, other_hits = snapshot.segment_search.count(terms, float("inf"))
        assert ids.tolist() == others.tolist()
        assert hits.tolist() == other_hits.tolist()


@given(st.lists(st.integers(0, 2**28 - 1), unique=True, max_size=50))
def test_terms_that_differ_differ_when_they_are_spread(terms: list[int]) -> None:
    spread = record.spread(np.array(terms, dtype=np.uint32))
    assert len(set(spread.tolist())) == len(terms)
    assert not len(spread) or int(spread.max()) < 2**28


def test_terms_of_music_reach_all_entries_of_a_directory() -> None:
    rows = golden("extract_query")
    hashes = np.concatenate([decode(row["fingerprint"]) for row in rows])
    terms = np.unique(hashes >> record.TERM_SHIFT)
    plain, spread = (
        np.bincount(some >> np.uint32(20), minlength=256) for some in (terms, record.spread(terms))
    )
    assert spread.max() < 2 * len(terms) / 256 < plain.max()
