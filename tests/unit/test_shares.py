"""No process takes connections that another one could serve."""

from __future__ import annotations

import os

import pytest

from fpservice.admission import shares
from fpservice.admission.shares import Share, Shares


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(shares, "monotonic", clock)
    return clock


def test_there_is_a_place_for_so_many() -> None:
    kept = Shares(2)
    assert [kept.reserve() for _ in range(3)] == [0, 1, None]
    kept.release(0)
    assert kept.reserve() == 0


def test_who_has_more_leaves_it_to_the_others() -> None:
    kept = Shares(3)
    first, second = (
        Share(kept, place) for place in (kept.reserve(), kept.reserve()) if place is not None
    )
    first.write(1)
    assert not first.leaves(1)
    first.write(5)
    assert not first.leaves(5), "the other one does not accept yet"
    second.write(0)
    first.write(2)
    assert first.leaves(2)
    assert not second.leaves(0)
    second.write(1)
    assert not first.leaves(2)


def test_who_is_alone_leaves_nothing() -> None:
    kept = Shares(2)
    alone = Share(kept, kept.reserve() or 0)
    alone.write(50)
    assert not alone.leaves(50)


def test_what_nobody_takes_is_taken(clock: Clock) -> None:
    kept = Shares(2)
    busy = Share(kept, kept.reserve() or 0)
    assert kept.reserve() == 1
    kept.write(1, 0)
    busy.write(9)
    assert busy.leaves(9)
    clock.now += 0.019
    assert busy.leaves(9)
    clock.now += 0.002
    assert [busy.leaves(9) for _ in range(3)] == [False] * 3
    clock.now += 0.11
    assert busy.leaves(9)


def test_a_fork_tells_its_parent() -> None:
    kept = Shares(2)
    mine, other = kept.reserve(), kept.reserve()
    assert (mine, other) == (0, 1)
    kept.write(0, 5)
    if not (pid := os.fork()):
        Share(kept, 1).write(7)
        os._exit(0)
    os.waitpid(pid, 0)
    assert kept.fewest() == 5
    kept.release(0)
    assert kept.fewest() == 7
