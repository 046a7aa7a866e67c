"""Who gets a turn, who is late, and who is not let in."""

from __future__ import annotations

import pytest

from fpservice.admission.waiting_room import WaitingRoom

MAX_SECONDS = 2.0


class Clock:
    """Time that goes on only when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def room(clock: Clock) -> WaitingRoom[str]:
    return WaitingRoom(threads=2, max_waiting=100, max_seconds=MAX_SECONDS, clock=clock)


def serve(room: WaitingRoom[str], clock: Clock, turns: int, pace: float) -> None:
    """Keep both threads busy: as one request ends the next begins, and another one comes."""
    for number in range(turns):
        clock.now += pace
        room.enter(f"later {number}")
        assert room.turn() is not None


def test_a_thread_is_sent_for_as_long_as_one_is_idle(room: WaitingRoom[str]) -> None:
    assert [room.enter(name) for name in "abc"] == [True, True, False]
    assert room.busy


def test_first_come_first_served(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("a")
    clock.now += 0.5
    room.enter("b")
    clock.now += 0.25
    assert room.turn() == ("a", 0.75)
    assert room.turn() == ("b", 0.25)


def test_a_thread_that_finds_nobody_goes(room: WaitingRoom[str]) -> None:
    room.enter("a")
    room.enter("b")
    for _ in range(2):
        room.turn()
    assert room.turn() is None
    assert not room.busy
    assert room.enter("c")


def test_who_waited_too_long_gets_no_turn(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("a")
    clock.now += 1
    room.enter("b")
    clock.now += 1.5
    assert room.turn() == ("b", 1.5)
    assert room.occupied
    assert room.late() == ["a"]
    assert room.late() == []
    assert not room.occupied


def test_what_was_waited_before_counts(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("a", waited=1.5)
    clock.now += 1
    assert room.late() == ["a"]
    assert not room.admits(waited=2.5)


def test_what_was_waited_before_is_no_overload(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("a")
    room.turn()
    clock.now += 100
    assert room.admits(waited=1.5)


def test_no_more_than_the_bound_are_let_in(clock: Clock) -> None:
    room: WaitingRoom[int] = WaitingRoom(1, max_waiting=3, max_seconds=MAX_SECONDS, clock=clock)
    for number in range(3):
        assert room.admits()
        room.enter(number)
    assert not room.admits()
    room.turn()
    assert room.admits()


def test_a_burst_may_wait_but_not_longer_than_the_limit(
    room: WaitingRoom[str], clock: Clock
) -> None:
    room.enter("first")
    room.turn()
    for number in range(10):
        room.enter(str(number))
    serve(room, clock, 8, 0.2)
    # Ten wait, and one gets a turn each 0.2 s at most: the pace is learnt slowly.
    assert room.admits()
    for number in range(30):
        room.enter(str(number))
    assert not room.admits()


def test_in_overload_few_wait(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("first")
    room.turn()
    for number in range(10):
        room.enter(str(number))
    serve(room, clock, 19, 0.1)
    assert room.admits()
    serve(room, clock, 10, 0.1)
    # Somebody has been waiting for two seconds: now a second is too long.
    assert not room.admits()
    for _ in range(9):
        clock.now += 0.1
        room.turn()
    assert room.admits()


def test_it_is_over_when_nobody_waits(room: WaitingRoom[str], clock: Clock) -> None:
    room.enter("first")
    room.turn()
    for number in range(10):
        room.enter(str(number))
    serve(room, clock, 30, 0.1)
    assert not room.admits()
    while room.turn() is not None:
        clock.now += 0.1
    assert room.admits()
    room.enter("a")
    room.enter("b")
    for number in range(10):
        room.enter(str(number))
    assert room.admits()
