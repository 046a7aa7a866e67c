"""All queries of a request together have the time of one."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from fpservice.bootstrap import build_search
from fpservice.domain.errors import SearchUnavailableError
from fpservice.domain.metadata import parse_meta
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import Hit
from fpservice.observability.metrics import NullMetrics
from fpservice.providers.no_metadata import NoMetadata
from fpservice.services.lookup import FingerprintQuery, LookupService
from fpservice.services.metadata import MetadataService
from tests.index_samples import random_walk
from tests.installation import Installation

SLOW = 0.1
LIMIT = 0.35


class SlowIndex(EmbeddedIndex):
    """Takes its time, and is told how much there is."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.timeouts: list[float] = []

    def search(self, *args: object, timeout: float = 0.0, **options: object) -> list[Hit]:
        self.timeouts.append(timeout)
        time.sleep(SLOW)
        return []


def queries(number: int) -> list[FingerprintQuery]:
    return [FingerprintQuery(random_walk(one, 150), 100, 7) for one in range(number)]


def test_many_queries_have_the_time_of_one(installation: Installation, tmp_path: Path) -> None:
    index, fingerprint = SlowIndex(tmp_path / "slow"), installation.parts.databases.fingerprint
    lookup = LookupService(
        build_search(replace(installation.parts, index=index)),
        fingerprint,
        MetadataService(fingerprint, NoMetadata()),
        NullMetrics(),
        time_limit=LIMIT,
    )
    assert lookup.lookup(list(queries(2)), parse_meta("")) == [[], []]
    assert LIMIT >= index.timeouts[0] > index.timeouts[1] + SLOW / 2
    with pytest.raises(SearchUnavailableError):
        lookup.lookup(list(queries(20)), parse_meta(""))
    assert len(index.timeouts) <= 2 + LIMIT / SLOW + 1
