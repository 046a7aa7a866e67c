"""Protocols of the parts that have more than one implementation.

Services are given these; ``bootstrap`` alone names what stands behind them.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from fpservice.domain.fingerprint import Hashes
from fpservice.domain.matching import Match
from fpservice.domain.recording import Recording, RecordingParts
from fpservice.domain.similarity import Comparison


class Hit(NamedTuple):
    """A fingerprint that the index put forward: how many of the query's terms it has."""

    fingerprint_id: int
    hits: int


@dataclass(frozen=True, slots=True)
class StoredFingerprint:
    """A fingerprint as lookups compare it; ``duration`` in seconds, ``hashes`` uint32[n]."""

    id: int
    duration: int
    hashes: Hashes


@dataclass(frozen=True, slots=True)
class IndexDelete:
    """A change of the index: this fingerprint is gone."""

    fingerprint_id: int


IndexChange = StoredFingerprint | IndexDelete


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What an index says of itself."""

    kind: str
    fingerprints: int
    segments: int
    size_bytes: int
    generation: str
    location: str


class FingerprintIndex(Protocol):
    """Inverted index from query terms to fingerprint ids.

    Every method raises ``IndexUnavailableError`` when the index cannot answer in its time limit.
    """

    def search(
        self,
        terms: Hashes,
        *,
        limit: int,
        min_hits: int = 1,
        min_percent: int = 0,
        timeout: float = 2.0,
    ) -> list[Hit]:
        """Return the best hits for distinct terms ``uint32[m]``, hits falling, then id rising.

        Only fingerprints with at least ``min_hits`` of the terms, and at least ``min_percent``
        percent of the best one's hits; at most ``limit``; ``timeout`` in seconds.
        """

    def apply(self, changes: Sequence[IndexChange]) -> None:
        """Make the changes, in order; durable when this returns. Idempotent; inserts replace.

        Raises:
            IndexLockedError: another process is writing.
        """

    def status(self) -> IndexStatus:
        """Return counts and sizes."""

    def ping(self) -> None:
        """Return if the index answers."""

    def close(self) -> None:
        """Let go of files and connections."""


class Candidates(Protocol):
    """Stored fingerprints that a query is to be compared with, found but perhaps not fetched."""

    def matches(self, comparison: Comparison, min_score: float, beginning: int = 0) -> list[Match]:
        """Return those with a score over ``min_score``, in no particular order.

        With a ``beginning``, only longer ones are compared, by so many of their first hashes.
        """


class FingerprintSource(Protocol):
    """Where lookups get the hashes of candidates from."""

    def fetch(self, fingerprint_ids: Sequence[int]) -> list[StoredFingerprint]:
        """Return those that exist, in the order asked for.

        Raises:
            SearchUnavailableError: the source does not answer.
        """

    def fetch_within(
        self, fingerprint_ids: Sequence[int], low: int, high: int
    ) -> list[StoredFingerprint]:
        """Return those that exist and last from ``low`` to ``high`` seconds, both included.

        Raises:
            SearchUnavailableError: the source does not answer.
        """

    def candidates(
        self, fingerprint_ids: Sequence[int], low: int, high: int, limit: int
    ) -> Candidates:
        """Return the first ``limit`` of what :meth:`fetch_within` would return.

        Raises:
            SearchUnavailableError: the source does not answer.
        """


class MetadataProvider(Protocol):
    """Knows recordings by MBID.

    Its methods raise ``MetadataUnavailableError`` when it cannot answer within its own time
    limit, or within ``time_limit`` seconds if that is less.
    """

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        """Return what is known of each recording, by MBID as asked; unknown ones are left out.

        The MBID of a recording that was merged into another one gives that one.
        """

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        """Return all MBIDs of each recording, former ones too; unknown ones are left out."""


class SignIn(Protocol):
    """Knows to whom an access token of MusicBrainz belongs."""

    def user_name(self, access_token: str) -> str:
        """Return the name of the user.

        Raises:
            InvalidAccessTokenError: the token is not known, or nobody can sign in.
            SignInUnavailableError: it cannot be told now.
        """


class SubmissionQueue(Protocol):
    """Tells importers that submissions wait. The outbox in the database is the truth; a queue
    only makes the news travel faster, so ``publish`` never raises and never waits long.
    """

    def publish(self, submission_ids: Sequence[int], *, again: bool = False) -> None:
        """Announce submissions that are already committed; ``again``: not for the first time."""

    def ping(self) -> None:
        """Return if the queue takes announcements.

        Raises:
            QueueUnavailableError: it does not, for now.
        """

    def close(self) -> None:
        """Let go of connections."""


class Delivery(Protocol):
    """A submission that this importer is to import; exactly one of the methods is called."""

    @property
    def submission_id(self) -> int:
        """Return which."""

    @property
    def trace(self) -> str | None:
        """Return the id of the request that brought it, if it is known."""

    def done(self) -> None:
        """It is handled; never deliver it again."""

    def again(self, delay: float) -> None:
        """Deliver it again after ``delay`` seconds, here or elsewhere."""

    def dead(self, reason: str) -> None:
        """It has failed for good; deliver it never again, but keep the word of it."""


class SubmissionConsumer(Protocol):
    """Brings submissions to an importer; the same one may come more than once."""

    def fetch(self, limit: int, timeout: float) -> Sequence[Delivery]:
        """Return what has come, or nothing after ``timeout`` seconds.

        Raises:
            QueueUnavailableError: look into the outbox instead.
        """

    def give_back(self, deliveries: Sequence[Delivery], delay: float) -> None:
        """Have all delivered again after ``delay`` seconds, here or elsewhere; never raises."""

    def announce_again(self, submission_ids: Sequence[int]) -> None:
        """Announce submissions whose first announcement may be lost; never raises."""

    def close(self) -> None:
        """Let go of connections; a waiting ``fetch`` returns."""


class Cache(Protocol):
    """A bounded cache of byte strings; fails open: an error is a miss.

    However many keys there are, a call waits once.
    """

    def get_many(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the values that there are, by key."""

    def set_many(self, values: Mapping[str, tuple[bytes, float]]) -> None:
        """Keep each value for as many seconds as stand beside it at most."""


class RateLimitDecision(NamedTuple):
    """Whether a request may go on; ``limit`` in requests a second, ``reset`` in seconds."""

    allowed: bool
    limit: float
    remaining: int
    reset: float


class RateLimiter(Protocol):
    """Counts requests in buckets."""

    def check(self, bucket: str, limit: float) -> RateLimitDecision:
        """Count one request against ``limit`` requests a second in the bucket."""

    def check_all(self, buckets: Sequence[tuple[str, float]]) -> list[RateLimitDecision]:
        """Count one request in all the buckets, each with its limit, if each of them allows it.

        Return the decisions in the same order. A request that one bucket refuses is counted in
        none, so that who is refused uses up nothing that others share.
        """


class KeyChanges(Protocol):
    """Tells the processes of an installation that API keys were switched on or off."""

    def announce(self) -> None:
        """Tell all processes; never raises."""

    def has_news(self) -> bool:
        """Whether keys may have changed since this last answered yes; never raises."""


class Metrics(Protocol):
    """Counters and durations; never fails, never blocks."""

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        """Add to a counter."""

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Record a duration in seconds."""

    def timed(self, name: str, **labels: str) -> AbstractContextManager[None]:
        """Record how long a block takes."""
