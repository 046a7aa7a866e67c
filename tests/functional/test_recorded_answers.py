"""A real server over a real socket answers recorded requests as the AcoustID service did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.recorded.case import Case, load_cases
from tests.recorded.request import Server
from tests.recorded.serving import served
from tests.recorded.verdict import needs_musicbrainz, replay
from tests.services import DatabaseUrls

GROUPS = (
    "clients",
    "fingerprint",
    "format",
    "internal",
    "limits",
    "list_by_mbid",
    "list_by_puid",
    "lookup-basic",
    "lookup-batch",
    "lookup-distorted",
    "lookup-duration",
    "lookup-errors",
    "lookup-fingerprint",
    "lookup-maxdurationdiff",
    "lookup-trackid",
    "lookup-usermeta",
    "submission_status",
    "submit",
    "transport",
    "user",
    "v1",
)
# How many cases of each group wait for a server that knows MusicBrainz.
LEFT_OUT = {
    "clients": 5,
    "format": 9,
    "lookup-basic": 3,
    "lookup-trackid": 8,
    "lookup-usermeta": 3,
    "transport": 3,
}


@pytest.fixture(scope="module")
def server(database_urls: DatabaseUrls) -> Iterator[Server]:
    """A served catalogue that stays as it is: nothing is imported, as when it was recorded."""
    with served(database_urls, worker=False) as server:
        yield server
    database_urls.empty()


@pytest.mark.parametrize("group", GROUPS)
def test_answers_are_the_recorded_ones(server: Server, group: str) -> None:
    verdicts = [replay(case, server) for case in cases_of(group)]
    failed = [str(verdict) for verdict in verdicts if verdict.failed]
    assert not failed, "\n".join(failed)
    broken = [verdict.case.name for verdict in verdicts if not 200 <= verdict.status < 500]
    assert not broken


def test_no_more_cases_are_left_out_than_must_be() -> None:
    left_out = [case for case in load_cases() if needs_musicbrainz(case)]
    assert Counter(case.group for case in left_out if case.group in GROUPS) == LEFT_OUT


def cases_of(group: str) -> list[Case]:
    """Return the cases of a group that need no MusicBrainz; there must be some."""
    cases = [case for case in load_cases() if case.group == group and not needs_musicbrainz(case)]
    assert cases
    return cases
