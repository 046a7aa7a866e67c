"""A real server imports recorded sequences of submissions as the AcoustID service did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.recorded.player import needing_musicbrainz, play
from tests.recorded.request import Server
from tests.recorded.scenario import Scenario, load_scenarios
from tests.recorded.serving import served
from tests.services import DatabaseUrls

SCENARIOS = [scenario for scenario in load_scenarios() if scenario.deviation is None]
# Answers that are not compared, as they wait for a server that knows MusicBrainz.
LEFT_OUT = {
    "known-mbid": {"L", "L2"},
    "existing-track-same-mbid": {"L"},
    "existing-track-new-mbid": {"L"},
}


@pytest.fixture(scope="module")
def server(database_urls: DatabaseUrls) -> Iterator[Server]:
    """A served catalogue with its importer; scenarios do not disturb one another."""
    with served(database_urls, worker=True) as server:
        yield server
    database_urls.empty()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_outcome_is_the_recorded_one(server: Server, scenario: Scenario) -> None:
    differences = play(scenario, server, left_out=needing_musicbrainz(scenario))
    assert not differences, "\n".join(differences)


def test_no_more_is_left_out_than_must_be() -> None:
    left_out = {scenario.name: needing_musicbrainz(scenario) for scenario in SCENARIOS}
    assert {name: labels for name, labels in left_out.items() if labels} == LEFT_OUT
    assert len(SCENARIOS) == len(load_scenarios()) - 5
