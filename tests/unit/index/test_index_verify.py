"""A full check finds damage wherever it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fpservice.domain.errors import IndexCorruptError
from fpservice.index import manifest
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.layout import LOG
from fpservice.index.segment import Segment
from fpservice.index.segment_layout import ARRAYS, directory_bits
from fpservice.index.segment_writer import Documents, write_segment
from fpservice.interfaces import IndexDelete
from tests.index_samples import sample, samples


@pytest.fixture
def generation(tmp_path: Path) -> Path:
    """A generation with one segment, one dead document in it, and some changes behind it."""
    index = EmbeddedIndex(tmp_path, flush_documents=12, merge_in_background=False)
    index.apply(samples(range(1, 25)))
    index.apply([IndexDelete(5), *samples(range(30, 42))])
    index.apply(samples(range(50, 53)))
    assert list(index.verify()) == []
    return tmp_path / "gen-000001"


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def found(generation: Path) -> list[str]:
    return list(EmbeddedIndex(generation.parent).verify())


@pytest.mark.parametrize("which", range(len(ARRAYS)))
def test_a_flipped_bit_in_a_segment(generation: Path, which: int) -> None:
    entry = manifest.load(generation).segments[0]
    shape = Segment(generation, entry).shape
    flip(generation / entry.name, shape.offsets()[which] + 4)
    assert any(ARRAYS[which][0] in problem for problem in found(generation))


@pytest.mark.parametrize("position", [0, 9, 20, 39, 43])
def test_a_flipped_bit_in_a_header(generation: Path, position: int) -> None:
    flip(generation / manifest.load(generation).segments[0].name, position)
    with pytest.raises(IndexCorruptError, match="fpservice index rebuild"):
        found(generation)


def test_a_segment_cut_off(generation: Path) -> None:
    path = generation / manifest.load(generation).segments[0].name
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(IndexCorruptError, match="bytes"):
        found(generation)


def test_a_flipped_bit_among_the_dead(generation: Path) -> None:
    entry = next(one for one in manifest.load(generation).segments if one.tombstones)
    flip(generation / entry.tombstones, 5)
    with pytest.raises(IndexCorruptError, match="dead"):
        found(generation)


def test_a_flipped_bit_in_the_log(generation: Path) -> None:
    flip(generation / LOG, 500)
    assert any("record at 16 " in problem for problem in found(generation))


def forge(generation: Path, which: int, change: str) -> None:
    """Replace a segment by one that is whole but wrong."""
    entry = manifest.load(generation).segments[which]
    segment = Segment(generation, entry)
    entries = np.repeat(
        np.arange(1 << segment.shape.bits, dtype=np.uint32), np.diff(segment.starts)
    )
    terms = (entries << segment.entry_shift) | (segment.postings >> segment.local_bits)
    owners = segment.postings & (segment.local_limit - np.uint32(1))
    ids, positions, durations = segment.ids, segment.positions, segment.durations
    if change == "lacks":
        terms, owners = terms[1:], owners[1:]
    if change == "postings":
        terms, owners = np.append(terms, terms[0] ^ np.uint32(3)), np.append(owners, owners[0])
    if change == "others":
        positions = np.roll(positions, 1)
    if change == "records":
        positions = positions + np.uint64(1 << 40)
    if change == "ids":
        ids = ids.copy()
        ids[1] = ids[0]
    write_segment(generation / entry.name, Documents(ids, positions, durations), owners, terms)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("lacks", "lacks terms of fingerprint"),
        ("postings", "postings, not"),
        ("others", "points to records of others"),
        ("records", "points to records of others"),
        ("ids", "do not rise"),
    ],
)
def test_a_segment_that_does_not_fit_the_log(generation: Path, change: str, said: str) -> None:
    forge(generation, 0, change)
    assert any(said in problem for problem in found(generation))


def test_a_fingerprint_alive_twice(generation: Path) -> None:
    index = EmbeddedIndex(generation.parent, flush_documents=1, merge_in_background=False)
    index.apply([sample(1, 1)])
    loaded = manifest.load(generation)
    entries = [manifest.SegmentEntry(one.name, one.documents) for one in loaded.segments]
    manifest.store(generation, loaded.changed(entries, log_position=loaded.log_position))
    assert any("fingerprint 1 is alive in two" in problem for problem in found(generation))


@pytest.mark.parametrize(
    ("documents", "postings"), [(0, 0), (1, 1), (5_000_000, 5), (16_000_000, 2_000_000_000)]
)
def test_local_numbers_fit_beside_the_rest_of_a_term(documents: int, postings: int) -> None:
    bits = directory_bits(documents, postings)
    assert 1 << (bits + 4) >= documents
    assert bits <= 26
