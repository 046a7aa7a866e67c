"""A real server over a real socket answers recorded requests as the AcoustID service did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recorded.case import load_cases
from tests.recorded.request import Server
from tests.recorded.serving import served
from tests.recorded.verdict import replay
from tests.shapes import Shape

GROUPS = sorted({case.group for case in load_cases()})


@pytest.fixture(scope="module")
def server(shape: Shape, musicbrainz_url: str) -> Iterator[Server]:
    """A served catalogue that stays as it is: nothing is imported, as when it was recorded."""
    with served(shape, musicbrainz_url, worker=False) as server:
        yield server


@pytest.mark.parametrize("group", GROUPS)
def test_answers_are_the_recorded_ones_or_better(server: Server, group: str) -> None:
    verdicts = [replay(case, server) for case in load_cases() if case.group == group]
    failed = [str(verdict) for verdict in verdicts if verdict.problems]
    assert not failed, "\n".join(failed)
