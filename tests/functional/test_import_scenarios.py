"""A real server imports recorded sequences of submissions as the AcoustID service did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recorded.better_outcomes import outcome_problems
from tests.recorded.player import play
from tests.recorded.request import Server
from tests.recorded.scenario import Scenario, load_scenarios
from tests.recorded.serving import served
from tests.shapes import Shape


@pytest.fixture(scope="module")
def server(shape: Shape, musicbrainz_url: str) -> Iterator[Server]:
    """A served catalogue with its importer; scenarios do not disturb one another."""
    with served(shape, musicbrainz_url, worker=True) as server:
        yield server


@pytest.mark.parametrize("scenario", load_scenarios(), ids=lambda scenario: scenario.name)
def test_the_outcome_is_the_recorded_one_or_better(server: Server, scenario: Scenario) -> None:
    problems = outcome_problems(play(scenario, server))
    assert not problems, "\n".join(problems)
