"""How many connections each web process has, so that none takes what another one could serve."""

from __future__ import annotations

import mmap
import struct
from time import monotonic
from typing import Final

_COUNT: Final = struct.Struct("=i")
_FREE: Final = -1
# Of a process that has not begun to accept.
_STARTING: Final = -2
# A process may have so many more than the one that has fewest.
_SLACK: Final = 1
# How long it leaves a connection to the others, in seconds, and for how long it does not when none
# of them has taken it. The main thread of one that works may wait for the interpreter for longer
# than 5 ms; at the start of a crowd all of it would go to the one that did not.
_PATIENCE: Final = 0.02
_GREED: Final = 0.1


class Shares:
    """The numbers of connections of all processes, in memory that they share.

    The process that is forked from gives and takes the places; each of the others writes its own.
    """

    def __init__(self, places: int) -> None:
        """Make room for so many processes; to be called before they are forked."""
        self._places = places
        self._memory = mmap.mmap(-1, places * _COUNT.size)
        self._owners: dict[int, int] = {}
        for place in range(places):
            self.write(place, _FREE)

    def reserve(self) -> int | None:
        """Return a free place for a process that is about to be forked; None if there is none."""
        for place in range(self._places):
            if self._read(place) == _FREE:
                self.write(place, _STARTING)
                return place
        return None

    def write(self, place: int, connections: int) -> None:
        """Say how many connections a process has."""
        _COUNT.pack_into(self._memory, place * _COUNT.size, connections)

    def release(self, place: int) -> None:
        """Free the place of a process that has ended."""
        self.write(place, _FREE)

    def fewest(self) -> int:
        """Return how many connections the process has that has fewest."""
        numbers = [number for place in range(self._places) if (number := self._read(place)) >= 0]
        return min(numbers, default=0)

    def _read(self, place: int) -> int:
        number: int = _COUNT.unpack_from(self._memory, place * _COUNT.size)[0]
        return number


class Share:
    """What one process has of all connections."""

    def __init__(self, shares: Shares, place: int) -> None:
        """Write to a place that was reserved."""
        self._shares = shares
        self._place = place
        self._waits_since: float | None = None
        self._greedy_until = 0.0

    def write(self, connections: int) -> None:
        """Say how many connections this process has."""
        self._shares.write(self._place, connections)

    def leaves(self, connections: int) -> bool:
        """Whether to leave a new connection to another process, which has fewer than this one.

        Not for long: that one may be held up.
        """
        if connections - self._shares.fewest() <= _SLACK:
            self._waits_since = None
            return False
        now = monotonic()
        if now < self._greedy_until:
            return False
        if self._waits_since is None:
            self._waits_since = now
        if now - self._waits_since < _PATIENCE:
            return True
        self._waits_since, self._greedy_until = None, now + _GREED
        return False
