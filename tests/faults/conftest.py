"""Servers of their own, which tests of faults may kill."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.site import Site


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    with Site() as site:
        yield site
