"""The limiter in memory: a window that slides, and a bound on what it remembers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fpservice.cache.sliding_window import WINDOW, SlidingWindow


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_allowed_up_to_the_window_and_forgiven_after_it() -> None:
    clock = Clock()
    limiter = SlidingWindow(clock=clock)
    assert sum(limiter.check("a", 2.0).allowed for _ in range(30)) == 20
    clock.now += 2 * WINDOW
    assert limiter.check("a", 2.0).allowed


def test_the_share_of_the_last_window_still_counts() -> None:
    clock = Clock()
    limiter = SlidingWindow(clock=clock)
    for _ in range(20):
        limiter.check("a", 2.0)
    clock.now += WINDOW * 1.5
    assert sum(limiter.check("a", 2.0).allowed for _ in range(30)) == 10


def test_buckets_are_apart_and_bounded() -> None:
    limiter = SlidingWindow(max_buckets=10)
    for number in range(100):
        assert limiter.check(f"b{number}", 0.1).allowed
    assert len(limiter) == 10


@given(st.lists(st.floats(0, 3), min_size=1, max_size=200), st.sampled_from([0.1, 1.0, 5.0]))
def test_no_window_lets_more_than_twice_the_limit_through(
    pauses: list[float], limit: float
) -> None:
    clock = Clock()
    limiter = SlidingWindow(clock=clock)
    allowed = []
    for pause in pauses:
        clock.now += pause
        decision = limiter.check("a", limit)
        assert decision.remaining >= 0
        if decision.allowed:
            allowed.append(clock.now)
    most = max(1.0, limit * WINDOW)
    for start in allowed:
        inside = [moment for moment in allowed if start <= moment < start + WINDOW]
        assert len(inside) <= 2 * most
