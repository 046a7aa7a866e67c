"""What every index does, whatever stands behind it. A new implementation adds a parameter."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fpservice.domain.index_query import query_terms
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.http import HttpIndex
from fpservice.interfaces import FingerprintIndex, Hit, IndexChange, IndexDelete, StoredFingerprint
from fpservice.observability.metrics import NullMetrics
from tests.index_samples import Contents, apply_to, expected_hits, sample, samples
from tests.index_server import IndexServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IndexServerProcess]:
    with IndexServerProcess.running(tmp_path_factory.mktemp("indexes")) as running:
        yield running


@pytest.fixture(params=["embedded", "embedded in small segments", "http"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FingerprintIndex]:
    """An index without fingerprints."""
    made: FingerprintIndex
    if request.param == "http":
        url = request.getfixturevalue("server").url
        made = HttpIndex([url], f"index-{uuid.uuid4()}", NullMetrics())
    else:
        flush = 1_000 if request.param == "embedded" else 3
        made = EmbeddedIndex(
            tmp_path / "index", flush_documents=flush, max_segments=3, merge_in_background=False
        )
    yield made
    made.close()


def overlapping(shares: dict[int, int]) -> tuple[StoredFingerprint, Contents]:
    """Return a query and fingerprints that share so many of its hashes, by id."""
    query = sample(1_000_000, length=120)
    contents = {}
    for fingerprint_id, share in shares.items():
        hashes = sample(fingerprint_id, length=120).hashes.copy()
        hashes[:share] = query.hashes[:share]
        contents[fingerprint_id] = StoredFingerprint(fingerprint_id, 120, hashes)
    return query, contents


def test_an_empty_index_finds_nothing(index: FingerprintIndex) -> None:
    index.ping()
    assert index.search(query_terms(sample(1).hashes), limit=10) == []
    assert index.status().fingerprints == 0


def test_each_fingerprint_is_found_by_all_its_terms(index: FingerprintIndex) -> None:
    known = samples(range(1, 20))
    index.apply(known)
    for one in known:
        terms = query_terms(one.hashes)
        assert index.search(terms, limit=1) == [Hit(one.id, len(terms))]


def test_a_stranger_is_not_found(index: FingerprintIndex) -> None:
    index.apply(samples(range(1, 20)))
    assert index.search(query_terms(sample(99).hashes), limit=10) == []


def test_a_query_without_terms_finds_nothing(index: FingerprintIndex) -> None:
    index.apply(samples(range(1, 5)))
    assert index.search(np.empty(0, dtype=np.uint32), limit=10) == []


def test_hits_come_best_first_and_equal_ones_by_id(index: FingerprintIndex) -> None:
    query, contents = overlapping({9: 30, 4: 30, 7: 60, 2: 30, 11: 90, 5: 7})
    index.apply(list(contents.values()))
    terms = query_terms(query.hashes)
    found = index.search(terms, limit=10)
    assert [hit.fingerprint_id for hit in found] == [11, 7, 2, 4, 9, 5]
    assert found == expected_hits(contents, terms.tolist(), 10)


@pytest.mark.parametrize(
    ("limit", "min_hits", "min_percent"),
    [(1, 1, 0), (3, 1, 0), (0, 1, 0), (9, 31, 0), (9, 1, 50), (9, 1, 100), (9, 40, 10), (2, 99, 0)],
)
def test_limits(index: FingerprintIndex, limit: int, min_hits: int, min_percent: int) -> None:
    query, contents = overlapping({9: 30, 4: 30, 7: 60, 2: 30, 11: 90, 5: 7})
    index.apply(list(contents.values()))
    terms = query_terms(query.hashes)
    found = index.search(terms, limit=limit, min_hits=min_hits, min_percent=min_percent)
    assert found == expected_hits(contents, terms.tolist(), limit, min_hits, min_percent)


def test_an_insert_replaces(index: FingerprintIndex) -> None:
    index.apply(samples(range(1, 8)))
    index.apply([sample(3, version=1)])
    old, new = query_terms(sample(3).hashes), query_terms(sample(3, version=1).hashes)
    assert index.search(old, limit=5) == []
    assert index.search(new, limit=5) == [Hit(3, len(new))]
    assert index.status().fingerprints == 7


def test_a_deleted_fingerprint_is_not_found(index: FingerprintIndex) -> None:
    index.apply(samples(range(1, 8)))
    index.apply([IndexDelete(3), IndexDelete(99)])
    assert index.search(query_terms(sample(3).hashes), limit=5) == []
    assert index.status().fingerprints == 6


def test_a_deleted_fingerprint_can_come_back(index: FingerprintIndex) -> None:
    index.apply(samples(range(1, 8)))
    index.apply([IndexDelete(3)])
    index.apply([sample(3)])
    terms = query_terms(sample(3).hashes)
    assert index.search(terms, limit=5) == [Hit(3, len(terms))]


def test_changes_of_one_call_are_made_in_order(index: FingerprintIndex) -> None:
    changes: list[IndexChange] = [
        sample(1),
        IndexDelete(1),
        sample(2),
        IndexDelete(2),
        sample(2, 1),
        sample(2, 2),
    ]
    index.apply(changes)
    assert index.search(query_terms(sample(1).hashes), limit=5) == []
    assert index.search(query_terms(sample(2, 1).hashes), limit=5) == []
    terms = query_terms(sample(2, 2).hashes)
    assert index.search(terms, limit=5) == [Hit(2, len(terms))]


def test_applying_again_changes_nothing(index: FingerprintIndex) -> None:
    changes: list[IndexChange] = [*samples(range(1, 9)), IndexDelete(4), sample(5, 1)]
    contents: Contents = {}
    for _ in range(3):
        index.apply(changes)
        contents = apply_to(contents, changes)
        assert index.status().fingerprints == len(contents) == 7
    terms = query_terms(sample(5, 1).hashes)
    assert index.search(terms, limit=5) == [Hit(5, len(terms))]


def test_the_largest_id(index: FingerprintIndex) -> None:
    largest = sample(2**32 - 1)
    index.apply([sample(1), largest])
    terms = query_terms(largest.hashes)
    assert index.search(terms, limit=5) == [Hit(2**32 - 1, len(terms))]


def test_a_fingerprint_without_terms_counts_but_is_not_found(index: FingerprintIndex) -> None:
    index.apply([StoredFingerprint(1, 10, np.empty(0, dtype=np.uint32)), sample(2)])
    assert index.status().fingerprints == 2
    terms = query_terms(sample(2).hashes)
    assert index.search(terms, limit=5) == [Hit(2, len(terms))]


def test_many_fingerprints_with_the_same_terms(index: FingerprintIndex) -> None:
    hashes = sample(1).hashes
    index.apply([StoredFingerprint(one, 100, hashes) for one in range(50, 0, -1)])
    terms = query_terms(hashes)
    assert index.search(terms, limit=20) == [Hit(one, len(terms)) for one in range(1, 21)]
