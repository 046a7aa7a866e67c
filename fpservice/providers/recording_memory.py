"""Recordings that a process remembers."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Final, NamedTuple

from cachetools import TLRUCache

from fpservice.domain.recording import Recording, RecordingParts
from fpservice.interfaces import Metrics

NAME: Final = "metadata"


class Known(NamedTuple):
    """What a provider said of a recording, None if it knew none; good for so many seconds."""

    recording: Recording | None
    seconds: float


class RecordingMemory:
    """Bounded by weight: what was not used for the longest time goes first.

    A recording weighs 1, and 1 more for each release and each track that it has.
    """

    def __init__(
        self, size: int, metrics: Metrics, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep recordings of the weight ``size`` together; what is heavier alone is not kept."""
        self._size = size
        self._metrics = metrics
        self._lock = threading.Lock()
        # Keys are numbers because those are hashed quickly, and the garbage collector skips them.
        self._entries: TLRUCache[tuple[int, int], Known] = TLRUCache(
            size,
            ttu=lambda _key, known, now: now + known.seconds,
            timer=clock,
            getsizeof=_weight,
        )

    def get(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts
    ) -> dict[uuid.UUID, Recording | None]:
        """Return what is remembered, by MBID; None where the provider knew nothing."""
        found: dict[uuid.UUID, Recording | None] = {}
        number = parts_number(parts)
        with self._lock:
            for mbid in mbids:
                try:
                    found[mbid] = self._entries[number, mbid.int].recording
                except KeyError:
                    continue
        self._count("cache.hits", len(found))
        self._count("cache.misses", len(mbids) - len(found))
        return found

    def keep(self, known: Mapping[uuid.UUID, Known], parts: RecordingParts) -> None:
        """Remember it all for as long as it is good."""
        number = parts_number(parts)
        with self._lock:
            for mbid, one in known.items():
                if _weight(one) <= self._size:
                    self._entries[number, mbid.int] = one

    @property
    def weight(self) -> int:
        """Return what all that is kept weighs."""
        with self._lock:
            return int(self._entries.currsize)

    def _count(self, outcome: str, number: int) -> None:
        if number:
            self._metrics.count(outcome, number, cache=NAME, storage="memory")


def parts_number(parts: RecordingParts) -> int:
    """Return a number for each choice of parts."""
    return parts.artists | parts.isrcs << 1 | parts.releases << 2 | parts.tracks << 3


def _weight(known: Known) -> int:
    if known.recording is None:
        return 1
    return 1 + sum(1 + len(one.tracks) for one in known.recording.appearances)
