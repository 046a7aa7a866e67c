"""Who waits for a thread of a web process, and who need not begin to.

A process that keeps up may let a burst wait for ``max_seconds``. One where somebody has been
waiting all the while for so long does not keep up, and a long queue would only make every answer
late: then whoever would have to wait longer than a quarter of that is not let in.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

Item = TypeVar("Item")
_SHORT: Final = 0.25
# How much the latest turn counts in the pace.
_LATEST: Final = 0.1


class WaitingRoom(Generic[Item]):
    """First come, first served, by ``threads`` at once; bounded in number and in time.

    All times are in seconds. Any thread may call any method.
    """

    def __init__(
        self,
        threads: int,
        max_waiting: int,
        max_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let ``max_waiting`` in at most, each for ``max_seconds`` at most."""
        self._threads = threads
        self._max_waiting = max_waiting
        self._max_seconds = max_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting: deque[tuple[float, Item]] = deque()
        self._late: list[Item] = []
        self._serving = 0
        # Since when somebody has been waiting without a break.
        self._waiting_since = clock()
        # From one turn to the next while somebody waits.
        self._pace = 0.0
        self._last_turn: float | None = None

    @property
    def busy(self) -> bool:
        """Whether whoever comes now has to wait."""
        return self._serving >= self._threads

    @property
    def occupied(self) -> bool:
        """Whether somebody waits, or has waited too long."""
        return bool(self._waiting or self._late)

    def admits(self, waited: float = 0.0) -> bool:
        """Whether there is room for another one, who would get a turn in time.

        It may have ``waited`` already before it was seen.
        """
        waiting = len(self._waiting)
        if not waiting:
            return waited <= self._max_seconds
        overloaded = self._clock() - self._waiting_since > self._max_seconds
        patience = self._max_seconds * (_SHORT if overloaded else 1)
        return waiting < self._max_waiting and waited + waiting * self._pace <= patience

    def enter(self, item: Item, waited: float = 0.0) -> bool:
        """Have it wait; return whether another thread is needed to call :meth:`turn`."""
        now = self._clock()
        with self._lock:
            if not self._waiting:
                self._waiting_since = now
            self._waiting.append((now - waited, item))
            if self._serving >= self._threads:
                return False
            self._serving += 1
            return True

    def turn(self) -> tuple[Item, float] | None:
        """Return who is next and how long it has waited, or None if this thread may go."""
        now = self._clock()
        with self._lock:
            self._put_out_the_late(now)
            if not self._waiting:
                self._serving -= 1
                self._last_turn = None
                return None
            entered, item = self._waiting.popleft()
            if self._last_turn is not None:
                self._pace += _LATEST * (now - self._last_turn - self._pace)
            # If nobody waits now, the next turn may be late because nobody came.
            self._last_turn = now if self._waiting else None
            return item, now - entered

    def late(self) -> list[Item]:
        """Return those who have waited too long; they will not get a turn."""
        now = self._clock()
        with self._lock:
            self._put_out_the_late(now)
            late, self._late = self._late, []
            return late

    def _put_out_the_late(self, now: float) -> None:
        while self._waiting and now - self._waiting[0][0] > self._max_seconds:
            self._late.append(self._waiting.popleft()[1])
