"""What a killed writer or a power loss leaves behind, byte by byte."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fpservice.domain.errors import IndexCorruptError
from fpservice.domain.index_query import query_terms
from fpservice.index import layout, manifest
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.layout import LOG, MANIFEST, STATE
from fpservice.index.record import encode
from fpservice.index.state import State
from fpservice.interfaces import Hit, IndexDelete
from tests.index_samples import apply_to, same_contents, sample, samples

KNOWN = samples(range(1, 8), length=40)
CONTENTS = apply_to({}, KNOWN)
BOOT_AT = 6 * 8


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    """A generation with two segments and a change that is in the log only."""
    index = EmbeddedIndex(tmp_path, flush_documents=3, merge_in_background=False)
    for one in KNOWN:
        index.apply([one])
    assert index.status().segments == 2
    return tmp_path / "gen-000001"


def open_index(generation: Path) -> EmbeddedIndex:
    return EmbeddedIndex(generation.parent, merge_in_background=False)


def end_of_log(generation: Path) -> int:
    return State(generation).published


def write_at(path: Path, position: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(position)
        file.write(data)


def lose_power(generation: Path) -> None:
    """Make the state page one of another boot, older than the log."""
    write_at(generation / STATE, BOOT_AT, bytes(8))
    write_at(generation / STATE, 2 * 8, (16).to_bytes(8, "little"))


def check(index: EmbeddedIndex, *, with_torn: bool) -> None:
    torn = sample(99, length=5)
    expected = apply_to(CONTENTS, [torn] if with_torn else [])
    assert same_contents(index.fingerprints(), expected)
    assert list(index.verify()) == []


@pytest.mark.parametrize("cut", range(16 + 4 * 5 + 1))
@pytest.mark.parametrize("power_lost", [False, True])
def test_a_torn_record_is_cut_off(generation: Path, cut: int, power_lost: bool) -> None:
    torn = encode(sample(99, length=5))
    end = end_of_log(generation)
    State(generation, writable=True).begin()
    write_at(generation / LOG, end, torn[:cut])
    # Behind a hole, what followed may have reached the disk all the same.
    if cut < len(torn):
        write_at(generation / LOG, end + len(torn), encode(sample(100)))
    if power_lost:
        lose_power(generation)
    whole = cut == len(torn)
    # A reader sees no more than was published; after a power loss, all that is whole.
    reader = open_index(generation)
    check(reader, with_torn=whole and power_lost)
    writer = open_index(generation)
    writer.apply([IndexDelete(1000)])
    check(writer, with_torn=whole)
    check(reader, with_torn=whole)
    # As long as the torn one: what stood behind that must not come back in a second repair.
    writer.apply([sample(101, length=5)])
    State(generation, writable=True).begin()
    writer.apply([sample(102)])
    found = [99, 101, 102] if whole else [101, 102]
    assert [one.id for one in reader.fetch([99, 100, 101, 102])] == found
    assert list(reader.verify()) == []


@pytest.mark.parametrize("power_lost", [False, True])
def test_a_file_that_ends_within_the_torn_record(generation: Path, power_lost: bool) -> None:
    torn = encode(sample(99, length=5))
    end = end_of_log(generation)
    for cut in range(len(torn)):
        copy = generation.parent / f"cut-{cut}" / generation.name
        shutil.copytree(generation, copy)
        layout.switch_generation(copy.parent, copy)
        State(copy, writable=True).begin()
        with (copy / LOG).open("r+b") as file:
            file.seek(end)
            file.write(torn[:cut])
            file.truncate()
        if power_lost:
            lose_power(copy)
        index = open_index(copy)
        check(index, with_torn=False)
        index.apply([sample(99, length=5)])
        check(index, with_torn=True)


def test_a_confirmed_record_that_is_gone_is_reported(generation: Path) -> None:
    write_at(generation / LOG, end_of_log(generation) - 4, b"?")
    with pytest.raises(IndexCorruptError, match="fpservice index rebuild"):
        open_index(generation).ping()
    State(generation, writable=True).begin()
    with pytest.raises(IndexCorruptError, match="fpservice index rebuild"):
        open_index(generation).apply([sample(50)])


def test_a_log_that_is_too_short_is_reported(generation: Path) -> None:
    with (generation / LOG).open("r+b") as file:
        file.truncate(manifest.load(generation).log_position - 8)
    with pytest.raises(IndexCorruptError):
        open_index(generation).ping()


def test_a_lost_state_page_is_made_anew(generation: Path) -> None:
    reader = open_index(generation)
    reader.ping()
    (generation / STATE).unlink()
    index = open_index(generation)
    index.apply([sample(50)])
    assert same_contents(index.fingerprints(), apply_to(CONTENTS, [sample(50)]))
    assert list(index.verify()) == []


@pytest.mark.parametrize("name", [STATE, LOG, MANIFEST])
def test_a_foreign_file_is_reported(generation: Path, name: str) -> None:
    size = (generation / name).stat().st_size
    (generation / name).write_bytes(b"x" * size)
    with pytest.raises(IndexCorruptError, match="fpservice index rebuild"):
        open_index(generation).ping()
    with pytest.raises(IndexCorruptError, match="fpservice index rebuild"):
        open_index(generation).apply([sample(50)])


def test_a_missing_segment_is_reported(generation: Path) -> None:
    (generation / manifest.load(generation).segments[0].name).unlink()
    with pytest.raises(IndexCorruptError, match="missing"):
        open_index(generation).ping()


def test_an_altered_manifest_is_reported(generation: Path) -> None:
    path = generation / MANIFEST
    path.write_text(path.read_text().replace('"documents": 3', '"documents": 2', 1))
    with pytest.raises(IndexCorruptError, match="altered"):
        open_index(generation).ping()


def test_a_damaged_name_of_the_generation_is_reported(generation: Path) -> None:
    (generation.parent / layout.CURRENT).write_bytes(b"\xff\x00")
    with pytest.raises(IndexCorruptError, match="names no generation"):
        open_index(generation).ping()


def test_a_writer_killed_between_segment_and_manifest_leaves_no_file(generation: Path) -> None:
    State(generation, writable=True).begin()
    left = [generation / name for name in ("seg-000099.dat", "seg-000001.dead-7", "merged-ab.dat")]
    for path in left:
        path.write_bytes(b"half")
    index = open_index(generation)
    index.apply([sample(50)])
    assert not any(path.exists() for path in left)
    assert list(index.verify()) == []


def test_a_writer_killed_between_manifest_and_state(generation: Path) -> None:
    reader = open_index(generation)
    reader.ping()
    before = (generation / STATE).read_bytes()
    index = EmbeddedIndex(generation.parent, flush_documents=1, merge_in_background=False)
    index.apply([sample(50)])
    # Undo what the flush wrote to the page: the manifest is ahead of it.
    write_at(generation / STATE, 3 * 8, before[24:32])
    State(generation, writable=True).begin()
    other = open_index(generation)
    other.apply([sample(51)])
    expected = apply_to(CONTENTS, [sample(50), sample(51)])
    for one in (index, other, reader):
        assert same_contents(one.fingerprints(), expected)
        assert list(one.verify()) == []
    terms = query_terms(sample(50).hashes)
    assert reader.search(terms, limit=3) == [Hit(50, len(terms))]
