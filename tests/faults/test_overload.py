"""Four times as many requests as can be answered: the rest is refused at once, and well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.open_loop import percentile
from tests.overload import Report, overload
from tests.served import Served

SECONDS = 10.0
# Time until all is as before, in seconds.
RECOVERY = 2.0
MEGABYTES = 60


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    data = tmp_path_factory.mktemp("overloaded")
    with Served.start({"FPSERVICE_DATA": str(data)}) as served:
        yield overload(served, data, SECONDS)


def test_whoever_is_served_is_served_in_time(report: Report) -> None:
    assert report.answered
    assert percentile(report.answered, 99) < 5


def test_the_rest_is_told_when_to_come_again(report: Report) -> None:
    assert report.refused
    assert not report.failed
    assert percentile(report.refused, 99) < 5


def test_what_was_answered_is_stored_and_nothing_else(report: Report) -> None:
    assert report.submitted == report.stored > 0


def test_memory_is_bounded(report: Report) -> None:
    before = max(report.memory[0])
    assert max(max(each) for each in report.memory) < before + MEGABYTES


def test_it_is_over_as_soon_as_the_crowd_has_gone(report: Report) -> None:
    late = [one for one in report.calm_after if one.due > RECOVERY]
    assert {one.status for one in late} == {200}
    assert max(one.seconds for one in late) < 5
