"""An index whose files go while they are written is not taken for a new one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from fpservice.domain.errors import IndexCorruptError, IndexUnavailableError
from fpservice.domain.index_query import query_terms
from fpservice.index.builder import IndexBuilder
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.http import HttpIndex
from fpservice.index.http_builder import HttpIndexBuilder
from fpservice.index.record import Change
from fpservice.observability.metrics import NullMetrics
from tests.index_samples import sample, samples
from tests.index_server import IndexServerProcess


class SlowChanges(list[Change]):
    """Changes that are read so slowly that the index is wiped meanwhile."""

    def __init__(self, index: Path, changes: list[Change]) -> None:
        super().__init__(changes)
        self._index = index

    def __iter__(self) -> Iterator[Change]:
        yield from super().__iter__()
        shutil.rmtree(self._index)
        self._index.mkdir()


def test_wiped_after_the_first_look(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path, is_fresh=lambda: False)
    with pytest.raises(IndexCorruptError, match="gone"):
        index.apply([sample(1)])
    EmbeddedIndex(tmp_path).apply(samples(range(1, 5)))
    with pytest.raises(IndexCorruptError, match="gone"):
        index.apply(SlowChanges(tmp_path, [sample(5)]))
    with pytest.raises(IndexCorruptError, match="rebuild"):
        index.ping()
    index.close()


def test_wiped_and_rebuilt_under_a_reader(tmp_path: Path) -> None:
    """What is told to the new files is found at once by who had the old ones open."""
    index = EmbeddedIndex(tmp_path / "index")
    index.apply(samples(range(1, 5)))
    assert len(index.fetch([1])) == 1
    shutil.rmtree(tmp_path / "index")
    with IndexBuilder(tmp_path / "index") as builder:
        builder.add(samples(range(1, 5)))
        builder.commit()
    other = EmbeddedIndex(tmp_path / "index")
    other.apply([sample(5)])
    assert [one.id for one in index.fetch([1, 5])] == [1, 5]
    for one in (index, other):
        one.close()


def test_deleted_and_rebuilt_under_a_reader(tmp_path: Path) -> None:
    """Who has just searched does not take an index that is being filled for a whole one."""
    with IndexServerProcess.running(tmp_path, workers=1) as server:
        index, other = (HttpIndex([server.url], "main", NullMetrics()) for _ in range(2))
        index.apply(samples(range(1, 5)))
        terms = query_terms(sample(1).hashes)
        assert index.search(terms, limit=1)
        requests.delete(f"{server.url}/main", timeout=10).raise_for_status()
        with HttpIndexBuilder(other) as builder:
            with pytest.raises(IndexUnavailableError, match="rebuild"):
                index.search(terms, limit=1)
            builder.add(samples(range(1, 5)))
            builder.commit()
        assert index.search(terms, limit=1)
        for one in (index, other):
            one.close()
