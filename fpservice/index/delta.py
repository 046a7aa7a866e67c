"""The newest changes: those in the log that no segment covers yet, held in memory."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpservice.index.record import DELETE, Record, packed_terms, scan
from fpservice.kernels import NativeDelta, NativeKernels

GONE: Final = -1


class Event(NamedTuple):
    """One change; ``position`` of its record in the log, or GONE; terms without low bits."""

    fingerprint_id: int
    position: int
    duration: int
    terms: NDArray[np.uint32]


class Delta:
    """Changes in the order of the log, numbered from 0; only ever appended to.

    Snapshots share it: each remembers how many changes there were when it was taken, and looks at
    no later one, so a search in one thread does not mind a refresh in another.

    Attributes:
        start, end: which part of the log the changes are in.
        native: the same changes in the extension, or None.
    """

    def __init__(
        self,
        start: int,
        extension: NativeKernels | None = None,
        published: Callable[[int, int], bytes] | None = None,
    ) -> None:
        """Begin at a position of the log; with an extension, it is searched by that alone.

        ``published`` returns the bytes of the log between two positions. What only the extension
        was told is read again there, should anything else want it: few do.
        """
        self.start = start
        self.end = start
        self._events: list[Event] = []
        # A term nearly always has one document: its number alone takes less than a tuple.
        self._postings: dict[int, int | tuple[int, ...]] = {}
        self._history: dict[int, tuple[int, ...]] = {}
        self._known_to = start
        self._published = published
        self._telling = threading.Lock()
        # What strangers cannot know keeps them from making terms that all meet in one place.
        self.native: NativeDelta | None = None
        if extension is not None:
            self.native = extension.Delta(secrets.randbits(64))

    def __len__(self) -> int:
        """Return the number of changes."""
        return len(self._events) if self.native is None else len(self.native)

    def extend(self, data: bytes) -> None:
        """Take in the next records of the log, up to the first that is not whole."""
        if self.native is None:
            for record in scan(data, self.end):
                self._append(record)
                self.end = record.end
        else:
            self.end += self.native.read(data, self.end)

    def _know(self) -> None:
        """Know what only the extension was told."""
        if self.native is None or self._known_to == self.end:
            return
        assert self._published is not None
        with self._telling:
            end = self.end
            for record in scan(self._published(self._known_to, end), self._known_to):
                self._append(record)
            self._known_to = end

    def _append(self, record: Record) -> None:
        number = len(self._events)
        terms = packed_terms(record.kind, record.words)
        position = GONE if record.kind == DELETE else record.position
        if self.native is None:
            self._post(terms.tolist(), number)
        earlier = self._history.get(record.fingerprint_id, ())
        self._events.append(Event(record.fingerprint_id, position, record.duration, terms))
        self._history[record.fingerprint_id] = (*earlier, number)

    def _post(self, terms: list[int], number: int) -> None:
        for term in terms:
            known = self._postings.get(term)
            if known is None:
                self._postings[term] = number
            elif isinstance(known, int):
                self._postings[term] = (known, number)
            else:
                self._postings[term] = (*known, number)

    def latest(self, fingerprint_id: int, count: int) -> Event | None:
        """Return the last of the first ``count`` changes that is of this fingerprint."""
        self._know()
        for number in reversed(self._history.get(fingerprint_id, ())):
            if number < count:
                return self._events[number]
        return None

    def untouched(self, fingerprint_ids: list[int], count: int) -> list[bool] | None:
        """Return which of them none of the first ``count`` changes is of; None: it is so of all."""
        if self._history.keys().isdisjoint(fingerprint_ids):
            return None
        return [self._history.get(one, (count,))[0] >= count for one in fingerprint_ids]

    def changed(self, count: int) -> dict[int, Event]:
        """Return the latest of the first ``count`` changes of each fingerprint they touch."""
        self._know()
        return {event.fingerprint_id: event for event in self._events[:count]}

    def hits(self, terms: Iterable[int], count: int) -> dict[int, int]:
        """Return how many of the terms each fingerprint has, by the first ``count`` changes."""
        met: Counter[int] = Counter()
        known_terms = [known for known in map(self._postings.get, terms) if known is not None]
        for known in known_terms:
            if isinstance(known, int):
                met[known] += 1
            else:
                met.update(known)
        found = {}
        for number, hits in met.items():
            event = self._events[number]
            if number < count and self.latest(event.fingerprint_id, count) is event:
                found[event.fingerprint_id] = hits
        return found
