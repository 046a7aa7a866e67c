"""Rebuilding beside an index in use."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fpservice.domain.errors import IndexCorruptError, IndexLockedError
from fpservice.domain.index_query import query_terms
from fpservice.index import layout
from fpservice.index.builder import IndexBuilder
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.record import Change
from fpservice.interfaces import Hit, IndexDelete, StoredFingerprint
from tests.index_samples import Contents, apply_to, same_contents, sample, samples

OLD = samples(range(1, 30))
NEW = samples(range(20, 70), version=1)


@pytest.fixture
def index(tmp_path: Path) -> EmbeddedIndex:
    """An index in use."""
    made = EmbeddedIndex(tmp_path, flush_documents=10, merge_in_background=False)
    made.apply(OLD)
    return made


def check(index: EmbeddedIndex, contents: Contents) -> None:
    assert same_contents(index.fingerprints(), contents)
    assert list(index.verify()) == []
    for one in list(contents.values())[::5]:
        terms = query_terms(one.hashes)
        assert index.search(terms, limit=3) == [Hit(one.id, len(terms))]


def generations(root: Path) -> list[str]:
    return sorted(path.name for path in root.glob("gen-*"))


def test_the_first_index_can_be_a_built_one(tmp_path: Path) -> None:
    reader = EmbeddedIndex(tmp_path / "index")
    with IndexBuilder(tmp_path / "index", segment_documents=7) as builder:
        builder.add(NEW)
        assert reader.fetch([20]) == []
        builder.commit()
    check(reader, apply_to({}, NEW))
    assert reader.status().segments == 1


def test_the_old_index_serves_and_is_written_until_the_commit(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    reader = EmbeddedIndex(tmp_path)
    with IndexBuilder(tmp_path, segment_documents=20) as builder:
        for first in range(0, len(NEW), 9):
            builder.add(NEW[first : first + 9])
            index.apply([sample(100 + first)])
        contents = apply_to({}, [*OLD, *samples(range(100, 100 + len(NEW), 9))])
        check(reader, contents)
        held = reader.fetch([1])[0]
        builder.commit()
        check(reader, apply_to({}, NEW))
    assert held.hashes.tolist() == OLD[0].hashes.tolist()
    assert generations(tmp_path) == ["gen-000002"]
    index.apply([sample(500)])
    check(reader, apply_to({}, [*NEW, sample(500)]))
    check(index, apply_to({}, [*NEW, sample(500)]))


def test_catching_up_locks_writers_out_and_comes_before_the_switch(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    impatient = EmbeddedIndex(tmp_path, lock_timeout=0.02)
    last: list[Sequence[Change]] = [
        [sample(20, 2), IndexDelete(21), sample(200)],
        samples(range(300, 2_500), length=20),
        [IndexDelete(300)],
    ]

    def catch_up() -> Iterator[Sequence[Change]]:
        with pytest.raises(IndexLockedError):
            impatient.apply([sample(1)])
        assert index.status().generation == "gen-000001"
        yield from last

    with IndexBuilder(tmp_path) as builder:
        builder.add(NEW)
        builder.commit(catch_up)
    contents = apply_to({}, NEW)
    for changes in last:
        contents = apply_to(contents, changes)
    assert same_contents(index.fingerprints(), contents)
    assert list(index.verify()) == []
    assert index.status().fingerprints == len(contents)


def test_of_two_with_one_id_the_later_counts(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path, segment_documents=5) as builder:
        contents: Contents = {}
        for version in range(4):
            batch = [*samples(range(1, 9), version), *samples(range(3, 6), version + 10)]
            builder.add(batch)
            contents = apply_to(contents, batch)
        builder.commit()
    check(EmbeddedIndex(tmp_path), contents)


def test_an_empty_index_can_be_built(index: EmbeddedIndex, tmp_path: Path) -> None:
    with IndexBuilder(tmp_path) as builder:
        builder.add([])
        builder.commit()
    check(index, {})


def test_without_a_commit_nothing_changes(index: EmbeddedIndex, tmp_path: Path) -> None:
    with IndexBuilder(tmp_path, segment_documents=10) as builder:
        builder.add(NEW)
    check(index, apply_to({}, OLD))
    assert generations(tmp_path) == ["gen-000001"]


def test_a_failed_catch_up_changes_nothing_and_can_be_repeated(
    index: EmbeddedIndex, tmp_path: Path
) -> None:
    def broken() -> Iterator[Sequence[Change]]:
        yield [sample(400)]
        raise ConnectionError

    with IndexBuilder(tmp_path) as builder:
        builder.add(NEW)
        with pytest.raises(ConnectionError):
            builder.commit(broken)
        check(index, apply_to({}, OLD))
        builder.commit(lambda: [[sample(401)]])
    check(index, apply_to({}, [*NEW, sample(400), sample(401)]))


def test_what_is_out_of_range_is_refused(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path) as builder:
        with pytest.raises(ValueError, match="is not in"):
            builder.add([sample(1), StoredFingerprint(0, 1, sample(1).hashes)])
        builder.add([sample(2)])
        builder.commit()
    check(EmbeddedIndex(tmp_path), {2: sample(2)})


def test_a_second_builder_is_refused(tmp_path: Path) -> None:
    with (
        IndexBuilder(tmp_path),
        pytest.raises(IndexLockedError, match=rf"being rebuilt by process {os.getpid()}"),
        IndexBuilder(tmp_path, lock_timeout=0.02),
    ):
        pass


def test_a_writer_leaves_a_living_builder_alone(tmp_path: Path) -> None:
    with IndexBuilder(tmp_path, segment_documents=10) as builder:
        builder.add(NEW)
        EmbeddedIndex(tmp_path).apply([sample(1)])
        builder.add(samples(range(80, 90)))
        builder.commit()
    check(EmbeddedIndex(tmp_path), apply_to({}, [*NEW, *samples(range(80, 90))]))


def test_rebuilding_mends_a_damaged_index(index: EmbeddedIndex, tmp_path: Path) -> None:
    (tmp_path / layout.CURRENT).write_text("nonsense")
    (tmp_path / "gen-000001" / layout.STATE).write_text("nonsense")
    with pytest.raises(IndexCorruptError):
        EmbeddedIndex(tmp_path).ping()
    with IndexBuilder(tmp_path) as builder:
        builder.add(NEW)
        builder.commit()
    check(EmbeddedIndex(tmp_path), apply_to({}, NEW))
    check(index, apply_to({}, NEW))
