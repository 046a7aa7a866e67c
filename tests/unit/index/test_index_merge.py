"""Merging: few segments, the same contents, and no harm from what happens meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from fpservice.domain.index_query import query_terms
from fpservice.index import layout, lock, manifest, merge
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.layout import MERGED
from fpservice.index.manifest import SegmentEntry
from fpservice.index.merge import merge_once, merge_plan, merge_segments
from fpservice.index.merge_result import load_result, store_result
from fpservice.interfaces import Hit, IndexChange, IndexDelete
from tests.index_samples import Contents, apply_to, same_contents, sample, samples

FIRST = samples(range(1, 61))


@pytest.fixture
def index(tmp_path: Path) -> EmbeddedIndex:
    """An index of six segments, that merges nothing by itself."""
    made = EmbeddedIndex(tmp_path, flush_documents=10, max_segments=100, merge_in_background=False)
    made.apply(FIRST)
    assert made.status().segments == 6
    return made


def check(index: EmbeddedIndex, contents: Contents) -> None:
    assert same_contents(index.fingerprints(), contents)
    assert list(index.verify()) == []
    for number in range(1, 61, 7):
        terms = query_terms(sample(number).hashes)
        expected = [Hit(number, len(terms))] if number in contents else []
        assert index.search(terms, limit=3) == expected


def test_merging_keeps_the_contents(index: EmbeddedIndex, tmp_path: Path) -> None:
    reader = EmbeddedIndex(tmp_path)
    check(reader, apply_to({}, FIRST))
    merge.run(tmp_path / "gen-000001", 1)
    assert reader.status().segments == 1
    check(reader, apply_to({}, FIRST))
    check(index, apply_to({}, FIRST))
    assert len(list((tmp_path / "gen-000001").glob("*.dat"))) == 2


def test_merging_in_pieces(
    index: EmbeddedIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "_PIECE_POSTINGS", 100)
    merge.run(tmp_path / "gen-000001", 1)
    check(index, apply_to({}, FIRST))


def test_changes_made_while_merging(index: EmbeddedIndex, tmp_path: Path) -> None:
    path = tmp_path / "gen-000001"
    index.apply([IndexDelete(3), sample(4, 1), *samples(range(61, 69))])
    assert merge_once(path, 1)
    # Segments are merged but not yet in use, and documents of them go and are replaced.
    changes: list[IndexChange] = [IndexDelete(1), sample(5, 1), *samples(range(70, 78))]
    index.apply(changes)
    contents = apply_to(apply_to({}, FIRST), [IndexDelete(3), sample(4, 1)])
    contents = apply_to(contents, samples(range(61, 69)))
    contents = apply_to(contents, changes)
    index.apply([sample(80)])
    contents = apply_to(contents, [sample(80)])
    assert not (path / MERGED).exists()
    assert same_contents(index.fingerprints(), contents)
    assert list(index.verify()) == []
    assert index.status().fingerprints == len(contents)
    merge.run(path, 1)
    assert index.status().segments == 1
    assert manifest.load(path).segments[0].dead == 0
    assert same_contents(index.fingerprints(), contents)
    assert list(index.verify()) == []


def test_documents_that_die_in_the_inputs_of_a_running_merge(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    path = tmp_path / "gen-000001"
    # Number 4 is dead in one input and lives on, replaced, in another.
    earlier = [sample(4, 1), *samples(range(61, 70))]
    index.apply(earlier)
    descriptor = lock.try_lock(path / layout.MERGE_LOCK)
    assert descriptor is not None
    result = merge_segments(path, manifest.load(path).segments)
    later: list[IndexChange] = [IndexDelete(1), sample(5, 1), *samples(range(70, 78))]
    index.apply(later)
    assert index.status().segments == 8
    store_result(path, result)
    os.close(descriptor)
    index.apply([sample(80)])
    assert index.status().segments == 2
    contents = apply_to({}, [*FIRST, *earlier, *later, sample(80)])
    check(index, contents)
    check(EmbeddedIndex(tmp_path), contents)
    assert index.status().fingerprints == len(contents)
    for gone in (sample(4), sample(5)):
        assert index.search(query_terms(gone.hashes), limit=1) == []


def test_a_result_whose_inputs_are_gone_is_dropped(index: EmbeddedIndex, tmp_path: Path) -> None:
    path = tmp_path / "gen-000001"
    assert merge_once(path, 1)
    stale = (path / MERGED).read_bytes()
    index.apply([sample(70)])
    assert index.status().segments == 1
    (path / MERGED).write_bytes(stale)
    index.apply([sample(71)])
    assert not (path / MERGED).exists()
    check(index, apply_to({}, [*FIRST, sample(70), sample(71)]))


def test_a_damaged_result_is_dropped(index: EmbeddedIndex, tmp_path: Path) -> None:
    path = tmp_path / "gen-000001"
    assert merge_once(path, 1)
    (path / MERGED).write_text("{")
    index.apply([sample(70)])
    assert [file.name for file in path.glob("merg*")] == []
    check(index, apply_to({}, [*FIRST, sample(70)]))


def test_a_merge_of_what_is_dead_leaves_no_segment(index: EmbeddedIndex, tmp_path: Path) -> None:
    path = tmp_path / "gen-000001"
    assert merge_once(path, 1)
    index.apply([IndexDelete(one.id) for one in FIRST])
    index.apply([sample(70)])
    merge.run(path, 1)
    assert same_contents(index.fingerprints(), {70: sample(70)})
    assert index.status().segments == 0
    assert list(index.verify()) == []


def test_a_segment_mostly_dead_is_rewritten(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=20, merge_in_background=False)
    index.apply(samples(range(1, 21)))
    before = index.status().size_bytes
    index.apply([IndexDelete(number) for number in range(1, 21) if number != 7])
    index.apply([sample(30)])
    path = tmp_path / "gen-000001"
    merge.run(path, 4)
    entry = manifest.load(path).segments[0]
    assert (entry.documents, entry.dead) == (1, 0)
    assert index.status().size_bytes < before + 1_000
    assert same_contents(index.fingerprints(), apply_to({}, samples([7, 30])))


def test_merging_a_generation_that_is_gone_ends_quietly(tmp_path: Path) -> None:
    merge.run(tmp_path / "gen-000007", 1)
    assert list(tmp_path.iterdir()) == []


def test_the_merging_process(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, flush_documents=10, max_segments=2)
    index.apply(FIRST)
    deadline = time.monotonic() + 20
    while index.status().segments > 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert index.status().segments <= 2
    assert load_result(tmp_path / "gen-000001") is None
    check(index, apply_to({}, FIRST))


@pytest.mark.parametrize("most", [4, 5, 6])
def test_a_plan_rewrites_a_document_a_few_times_only(most: int) -> None:
    segments = [SegmentEntry("built", 1_000_000)]
    written = 0
    for step in range(300):
        segments.append(SegmentEntry(f"new {step}", 1_000))
        if plan := merge_plan(segments, most):
            total = sum(entry.documents for entry in plan)
            written += total
            kept = [entry for entry in segments if entry not in plan]
            segments = [*kept, SegmentEntry(f"merged {step}", total)]
        assert len(segments) <= most
    assert written < 300_000 * 15


def test_a_plan_makes_no_segment_too_large() -> None:
    segments = [SegmentEntry("a", 15_000_000), SegmentEntry("b", 6_000_000)]
    segments += [SegmentEntry(str(number), 1_000_000) for number in range(3)]
    plan = merge_plan(segments, 4)
    assert sum(entry.documents for entry in plan) <= 16_000_000
    assert len(plan) > 1


def test_names_of_segments_are_never_used_twice(index: EmbeddedIndex, tmp_path: Path) -> None:
    seen: set[str] = set()
    path = tmp_path / "gen-000001"
    for round_ in range(4):
        merge.run(path, 1)
        index.apply(samples(range(100 + 10 * round_, 110 + 10 * round_)))
        names = {entry.name for entry in manifest.load(path).segments}
        assert layout.segment_name(1) not in names
        assert len(names - seen) == 2
        seen |= names
    assert np.all([name.endswith(".dat") for name in seen])
