"""The client of external fpindex servers."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from copy import copy
from typing import Final, Self, TypeVar

from fpservice.domain.errors import IndexLockedError, IndexUnavailableError
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import query_terms
from fpservice.index.http_calls import HttpCalls, IndexMissingError, UpdateConflictError
from fpservice.index.http_completeness import CompletenessCheck
from fpservice.index.http_node import HttpNode
from fpservice.index.http_nodes import Call, HttpNodes
from fpservice.index.record import MAX_ID, Change, TermsOnly
from fpservice.index.wire_answers import IndexInfo
from fpservice.index.wire_requests import SearchRequest, UpdateRequest, WireChange
from fpservice.interfaces import Hit, IndexStatus, Metrics, StoredFingerprint

KIND: Final = "http"
BATCH: Final = 500
UPDATE_SECONDS: Final = 10.0
_PAUSE: Final = 3.0
# A server that others can stand in for is left alone at once.
_FAILURES_ALONE: Final = 3
_PING_SECONDS: Final = 0.9
_UPDATE_ATTEMPTS: Final = 20
_CONFLICT_PAUSE: Final = 0.05
_T = TypeVar("_T")


class HttpIndex:
    """A ``FingerprintIndex`` on one or more fpindex servers.

    Searches go to all servers in turn (but see ``where_written``), updates to the first that
    answers: replicating them is the servers' work. Each update names the version of the index that
    it follows, so one that was given up and yet arrives, perhaps after a newer one, is refused and
    undoes nothing.

    Instances may be used by several threads, and may be made before a fork. Every method but
    ``close`` raises ``IndexUnavailableError`` when no server answers in time; searches also while
    the index is being filled anew.
    """

    def __init__(
        self,
        urls: Sequence[str],
        name: str,
        metrics: Metrics,
        *,
        timeout: float = 2.0,
        update_timeout: float = UPDATE_SECONDS,
        pause: float = _PAUSE,
        is_fresh: Callable[[], bool] = lambda: True,
    ) -> None:
        """Connect to nothing yet.

        Args:
            urls: base URLs of servers that have the same indexes.
            name: which index.
            metrics: counts and gauges failing servers.
            timeout: seconds that one server has for a search.
            update_timeout: seconds that one server has for an update.
            pause: seconds for which a server that fails is left alone.
            is_fresh: whether an index that holds nothing would hold all that it should. Only then
                does a missing one count as an empty one, and is made by the first update.
        """
        failures = _FAILURES_ALONE if len(urls) == 1 else 1
        nodes = [
            HttpNode(url, number, metrics, patience=timeout, failures=failures, pause=pause)
            for number, url in enumerate(urls, start=1)
        ]
        self._nodes = HttpNodes(nodes)
        self._calls = HttpCalls(name)
        self._name = name
        self._timeout = timeout
        self._update_timeout = update_timeout
        self._is_fresh = is_fresh
        self._in_turn = True
        self._completeness = self._completeness_check()

    def where_written(self) -> Self:
        """Return this index for those who must find all that was written.

        Searches go where updates go: another server may not have heard of the latest ones yet.
        """
        same = copy(self)
        same._in_turn = False
        same._completeness = same._completeness_check()
        return same

    def search(
        self,
        terms: Hashes,
        *,
        limit: int,
        min_hits: int = 1,
        min_percent: int = 0,
        timeout: float = 2.0,
    ) -> list[Hit]:
        """Return the best hits for distinct terms ``uint32[m]``, hits falling, then id rising."""
        if not len(terms) or limit < 1:
            return []

        def call(node: HttpNode, seconds: float) -> list[Hit]:
            milliseconds = max(int(seconds * 1000), 1)
            request = SearchRequest(terms, limit, milliseconds, max(min_hits, 1), min_percent)
            return self._calls.search(node, request, seconds)

        deadline = time.monotonic() + timeout
        try:
            self._completeness.check(timeout)
            return self._ask_any(call, deadline - time.monotonic())
        except IndexMissingError as error:
            self._forgive(error)
            return []

    def apply(self, changes: Sequence[Change]) -> None:
        """Make the changes, in order; durable when this returns. Idempotent; inserts replace.

        Raises:
            IndexLockedError: others go on writing all the time.
            ValueError: an id is out of range; nothing was changed.
        """
        wanted = [_wire_change(change) for change in changes]
        for start in range(0, len(wanted), BATCH):
            self._apply_batch(wanted[start : start + BATCH])

    def info(self) -> IndexInfo:
        """Return what the index says of itself.

        Raises:
            IndexMissingError: there is none.
        """
        return self._ask_first(self._calls.info)

    def update(
        self, changes: Sequence[Change], version: int, metadata: Mapping[str, str] | None = None
    ) -> int:
        """Make at most ``BATCH`` changes if the index is at ``version``; return the new one.

        ``metadata`` is added to that of the index.

        Raises:
            UpdateConflictError: it is at another version; perhaps by this very update, if the
                answer to a first try was lost.
            IndexMissingError: there is none.
        """
        request = UpdateRequest([_wire_change(one) for one in changes], metadata, version)
        return self._ask_first(lambda node, seconds: self._calls.update(node, request, seconds))

    def create(self) -> None:
        """Make the index if it is missing, whatever it should hold."""
        self._ask_first(self._calls.create)

    def has(self, fingerprint_id: int) -> bool:
        """Return whether the index has this fingerprint."""
        try:
            return self._ask_first(
                lambda node, seconds: self._calls.has(node, fingerprint_id, seconds)
            )
        except IndexMissingError:
            return False

    def id_bounds(self) -> tuple[int, int]:
        """Return the least and the greatest id it may have; (0, 0) if it is empty or missing."""
        try:
            info = self.info()
        except IndexMissingError:
            return 0, 0
        return info.min_id, info.max_id

    def status(self) -> IndexStatus:
        """Return counts; how many bytes it takes is not told, and is 0."""
        location = f"{self._name} on {self._nodes.names}"
        try:
            info = self.info()
            generation = self._ask_first(self._calls.generation)
        except IndexMissingError:
            return IndexStatus(KIND, 0, 0, 0, "", location)
        return IndexStatus(KIND, info.fingerprints, info.segments, 0, str(generation), location)

    def ping(self) -> None:
        """Return if the index answers."""
        try:
            self._completeness.check(_PING_SECONDS / 2)
            self._ask_any(self._calls.health, _PING_SECONDS / 2)
        except IndexMissingError as error:
            self._forgive(error)

    def close(self) -> None:
        """Let go of the connections."""
        self._nodes.close()

    def _apply_batch(self, changes: Sequence[WireChange]) -> None:
        for attempt in range(_UPDATE_ATTEMPTS):
            try:
                self._ask_first(lambda node, seconds: self._follow(node, changes, seconds))
            except UpdateConflictError:
                # Others are writing. Not all of them should come back at the same moment.
                time.sleep(random.uniform(0, _CONFLICT_PAUSE * (attempt + 1)))
            except IndexMissingError as error:
                self._forgive(error)
                self.create()
            else:
                return
        raise IndexLockedError(f"index {self._name} is being written by others all the time")

    def _follow(self, node: HttpNode, changes: Sequence[WireChange], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        version = self._calls.info(node, seconds).version
        left = max(deadline - time.monotonic(), 0.001)
        self._calls.update(node, UpdateRequest(changes, None, version), left)

    def _completeness_check(self) -> CompletenessCheck:
        return CompletenessCheck(lambda seconds: self._ask_any(self._calls.info, seconds))

    def _ask_any(self, call: Call[_T], limit: float) -> _T:
        return self._nodes.ask(call, self._timeout, limit, in_turn=self._in_turn)

    def _ask_first(self, call: Call[_T]) -> _T:
        limit = 2 * self._update_timeout
        return self._nodes.ask(call, self._update_timeout, limit, in_turn=False)

    def _forgive(self, error: IndexMissingError) -> None:
        """Take a missing index for an empty one, if that is what it should be."""
        if not self._is_fresh():
            raise IndexUnavailableError(
                f"{self._nodes.names} has no index {self._name}; run `fpservice index rebuild`"
            ) from error


def _wire_change(change: Change) -> WireChange:
    if isinstance(change, StoredFingerprint):
        change = TermsOnly(change.id, query_terms(change.hashes))
    if not 1 <= change.fingerprint_id <= MAX_ID:
        raise ValueError(f"fingerprint id {change.fingerprint_id} is not in 1 ... {MAX_ID}")
    return change
