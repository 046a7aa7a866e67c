"""What every source of candidates does. A new implementation adds a parameter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from fpservice.domain.similarity import Comparison
from fpservice.index.database_source import DatabaseSource
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import FingerprintSource, StoredFingerprint
from tests.index_samples import sample, samples
from tests.services import DatabaseUrls
from tests.shared_fingerprints import filled, opened

EMPTY = StoredFingerprint(70, 120, np.empty(0, dtype=np.uint32))
LARGEST = sample(2**32 - 1)
KNOWN = [*samples(range(1, 60)), EMPTY, LARGEST]
BY_ID = {one.id: one for one in KNOWN}
ASKED = [7, 900, 3, 59, 2**32 - 1, 1, 901, 70, 2**40, 0, -1, 12]


@pytest.fixture(
    params=["embedded", "database", "file", "file that knows", "file that cannot be made"]
)
def source(
    request: pytest.FixtureRequest, tmp_path: Path, sqlite_databases: DatabaseUrls
) -> Iterator[FingerprintSource]:
    if request.param == "embedded":
        with closing(EmbeddedIndex(tmp_path / "index")) as index:
            index.apply(KNOWN)
            yield index
        return
    with filled(sqlite_databases.fingerprint, KNOWN) as database:
        yield made(request.param, DatabaseSource(database), tmp_path)
    sqlite_databases.empty()


@pytest.fixture
def postgres_source(
    tmp_path: Path, postgres_databases: DatabaseUrls
) -> Iterator[FingerprintSource]:
    with filled(postgres_databases.fingerprint, KNOWN) as database:
        yield opened(tmp_path / "file", DatabaseSource(database))
    postgres_databases.empty()


def made(kind: str, database: DatabaseSource, folder: Path) -> FingerprintSource:
    if kind == "database":
        return database
    if kind == "file that cannot be made":
        (folder / "blocked").write_text("no folder")
        return opened(folder / "blocked" / "file", database)
    source = opened(folder / "file", database)
    if kind == "file that knows":
        source.fetch(ASKED)
    return source


def ids_of(found: list[StoredFingerprint]) -> list[int]:
    for one in found:
        assert one.duration == BY_ID[one.id].duration
        assert np.array_equal(one.hashes, BY_ID[one.id].hashes)
    return [one.id for one in found]


def test_those_that_exist_come_in_the_order_asked_for(source: FingerprintSource) -> None:
    for _ in range(2):
        assert ids_of(source.fetch(ASKED)) == [7, 3, 59, 2**32 - 1, 1, 70, 12]
        assert ids_of(source.fetch([12, 70])) == [12, 70]
        assert source.fetch([]) == []


def test_durations_are_bounded_on_both_ends(source: FingerprintSource) -> None:
    low, high = BY_ID[7].duration, BY_ID[12].duration
    for _ in range(2):
        assert ids_of(source.fetch_within(ASKED, low, high)) == [7, 12]
        assert ids_of(source.fetch_within(ASKED, low + 1, high)) == [12]
        assert source.fetch_within(ASKED, high, low) == []


def test_on_postgresql_too(postgres_source: FingerprintSource) -> None:
    test_those_that_exist_come_in_the_order_asked_for(postgres_source)
    test_durations_are_bounded_on_both_ends(postgres_source)
    test_the_first_are_candidates(postgres_source)


def test_the_first_are_candidates(source: FingerprintSource) -> None:
    query = Comparison(BY_ID[12].hashes)
    ids = [900, *range(1, 20)]
    for limit, found in ((11, []), (12, [12]), (13, [12]), (0, [])):
        matches = source.candidates(ids, 0, 65_535, limit).matches(query, 0.9)
        assert [match.fingerprint_id for match in matches] == found


def test_candidates_out_of_bounds_do_not_count(source: FingerprintSource) -> None:
    query = Comparison(BY_ID[12].hashes)
    low = BY_ID[10].duration
    for limit, found in ((2, []), (3, [12])):
        [*matches] = source.candidates(range(1, 20), low, 65_535, limit).matches(query, 0.9)
        assert [(one.fingerprint_id, one.score) for one in matches] == [(id, 1.0) for id in found]


def test_some_known_and_some_not(source: FingerprintSource) -> None:
    source.candidates([4, 8], 0, 65_535, 5)
    candidates = source.candidates([2, 4, 6, 8, 10], 0, 65_535, 4)
    for one in (2, 4, 6, 8):
        [match] = candidates.matches(Comparison(BY_ID[one].hashes), 0.9)
        assert (match.fingerprint_id, match.duration) == (one, BY_ID[one].duration)
    assert candidates.matches(Comparison(BY_ID[10].hashes), 0.9) == []


def test_only_longer_ones_are_compared_by_their_beginnings(source: FingerprintSource) -> None:
    candidates = source.candidates([5, 70], 0, 65_535, 4)
    query = Comparison(BY_ID[5].hashes[:60].copy())
    [match] = candidates.matches(query, 0.9, 60)
    assert match.fingerprint_id == 5
    assert candidates.matches(query, 0.9, 150) == []
