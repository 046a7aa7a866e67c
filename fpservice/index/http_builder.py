"""Rebuilding an external index in place: everything is inserted, what should not be there deleted.

The interface cannot put one index into the place of another. So the index goes on serving what it
has while it is mended; one that was missing says of itself that it is incomplete until the end.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from types import TracebackType
from typing import Final, Self, TypeVar

from fpservice.domain.errors import IndexLockedError, IndexUnavailableError
from fpservice.domain.id_gaps import gaps
from fpservice.index.http import BATCH, HttpIndex
from fpservice.index.http_calls import IndexMissingError, UpdateConflictError
from fpservice.index.http_completeness import COMPLETE, INCOMPLETE, LOOK_SECONDS
from fpservice.index.record import Change
from fpservice.interfaces import IndexDelete, StoredFingerprint

CatchUp = Callable[[], Iterable[Sequence[Change]]]
# Ids of the index that the database does not have are not told; so all ids between are deleted.
MAX_GAPS: Final = 5_000_000
_ATTEMPTS: Final = 30
_PAUSE: Final = 0.1
_T = TypeVar("_T")


class HttpIndexBuilder:
    """Mends an external index: enter, :meth:`add` everything, :meth:`commit`.

    Broken off, it leaves an index that holds what it held and what was added.
    """

    def __init__(self, index: HttpIndex) -> None:
        """Mend this index."""
        self._index = index
        self._known: set[int] = set()
        self._cleared_to = 0

    def __enter__(self) -> Self:
        """Make the index if it is missing, or if nothing was ever put into it."""
        if not self._has_contents():
            # By then all who search have noticed that it is missing.
            time.sleep(LOOK_SECONDS)
            self._index.create()
            self._retried(self._mark_incomplete)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave everything as it is."""

    def add(self, batch: Sequence[StoredFingerprint]) -> None:
        """Insert fingerprints, or replace them.

        Raises:
            IndexLockedError: others go on writing all the time.
            IndexUnavailableError: no server answers.
        """
        self._index.apply(batch)
        self._known.update(one.id for one in batch)

    def commit(self, catch_up: CatchUp | None = None) -> None:
        """Delete what was not added, after the changes that came in the meantime.

        ``catch_up`` yields batches of the changes since it was called last, or since everything
        was read; each update that follows is refused if anyone wrote the index in between, and
        then it is called again.

        Raises:
            IndexLockedError: others go on writing all the time.
            IndexUnavailableError: no server answers, or ids are too far apart to be gone through.
        """
        self._retried(lambda: self._finish(catch_up))

    def _finish(self, catch_up: CatchUp | None) -> None:
        info = self._index.info()
        version = info.version
        for changes in catch_up() if catch_up is not None else ():
            for batch in _batches(changes):
                version = self._index.update(batch, version)
            self._note(changes)
        low = max(info.min_id, self._cleared_to + 1)
        for deletes in _batches(self._strays(low, info.max_id)):
            version = self._index.update(deletes, version)
            self._cleared_to = deletes[-1].fingerprint_id
        self._index.update([], version, COMPLETE)

    def _strays(self, low: int, high: int) -> Iterator[IndexDelete]:
        missing = list(gaps(sorted(self._known), low, high))
        if sum(map(len, missing)) > MAX_GAPS:
            raise IndexUnavailableError(
                f"the index has ids from {low} to {high}, most of which the database has not:"
                " delete the index on its server, and rebuild it then"
            )
        return map(IndexDelete, chain.from_iterable(missing))

    def _note(self, changes: Sequence[Change]) -> None:
        for change in changes:
            if isinstance(change, StoredFingerprint):
                self._known.add(change.id)
            else:
                self._known.discard(change.fingerprint_id)

    def _has_contents(self) -> bool:
        try:
            return self._index.info().version > 0
        except IndexMissingError:
            return False

    def _mark_incomplete(self) -> None:
        self._index.update([], self._index.info().version, INCOMPLETE)

    def _retried(self, step: Callable[[], None]) -> None:
        for _ in range(_ATTEMPTS):
            try:
                return step()
            except UpdateConflictError:
                time.sleep(random.uniform(0, _PAUSE))
        raise IndexLockedError("the index is being written by others all the time")


def _batches(changes: Iterable[_T]) -> Iterator[list[_T]]:
    rest = iter(changes)
    while batch := list(islice(rest, BATCH)):
        yield batch
