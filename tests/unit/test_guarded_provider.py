"""A provider that fails or hangs costs no more than its time limit, and is left alone soon."""

from __future__ import annotations

import math
import threading
import time
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pytest

from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.recording import Recording, RecordingParts
from fpservice.observability.metrics import NullMetrics
from fpservice.providers.circuit_breaker import CircuitBreaker
from fpservice.providers.guarded import GuardedProvider
from fpservice.providers.no_metadata import NoMetadata

MBID = uuid.UUID(int=1)
SONG = Recording(str(MBID), "Song", (), None)
PARTS = RecordingParts()


@dataclass
class ProviderInTrouble:
    """Knows one recording, fails, or does not answer before it may."""

    error: Exception | None = None
    may_answer: threading.Event = field(default_factory=threading.Event)
    calls: int = 0

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        self.calls += 1
        self.may_answer.wait(10)
        if self.error:
            raise self.error
        return {mbid: SONG for mbid in mbids if mbid == MBID}

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        return {mbid: frozenset({mbid}) for mbid in self.recordings(mbids, PARTS, time_limit)}


@dataclass
class Counting(NullMetrics):
    """Counts what is counted."""

    counted: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, value: int = 1, **labels: str) -> None:
        self.counted[name] = self.counted.get(name, 0) + value


@pytest.fixture
def provider() -> Iterator[ProviderInTrouble]:
    one = ProviderInTrouble()
    yield one
    one.may_answer.set()


def guarded(provider: ProviderInTrouble, limit: float = 5.0, pause: float = 60) -> GuardedProvider:
    return GuardedProvider("trouble", provider, Counting(), limit, CircuitBreaker(3, pause))


def test_answers_pass(provider: ProviderInTrouble) -> None:
    provider.may_answer.set()
    guard = guarded(provider)
    assert guard.recordings([MBID, uuid.UUID(int=2)], PARTS) == {MBID: SONG}
    assert guard.aliases([MBID]) == {MBID: frozenset({MBID})}
    assert guard.recordings([], PARTS) == {}
    assert provider.calls == 2


def test_a_call_without_an_answer_ends_in_time(provider: ProviderInTrouble) -> None:
    started = time.monotonic()
    with pytest.raises(MetadataUnavailableError):
        guarded(provider, 0.05).recordings([MBID], PARTS)
    assert time.monotonic() - started < 1


def test_the_caller_may_have_less_time(provider: ProviderInTrouble) -> None:
    guard = guarded(provider, 5.0)
    started = time.monotonic()
    for limit in (0.01, 0.01, 0.01, 0.0, -1.0):
        with pytest.raises(MetadataUnavailableError):
            guard.aliases([MBID], limit)
    assert time.monotonic() - started < 1
    provider.may_answer.set()
    # That there was no time is nothing to hold against the provider.
    assert guard.recordings([MBID], PARTS) == {MBID: SONG}


def test_three_failures_in_a_row_keep_calls_away(provider: ProviderInTrouble) -> None:
    provider.may_answer.set()
    provider.error = MetadataUnavailableError("down")
    metrics = Counting()
    guard = GuardedProvider("trouble", provider, metrics, 5.0, CircuitBreaker(3, 60))
    for _ in range(5):
        with pytest.raises(MetadataUnavailableError):
            guard.recordings([MBID], PARTS)
    assert provider.calls == 3
    assert metrics.counted == {"metadata.failures": 3, "metadata.skipped": 2}


def test_after_the_pause_one_call_tries_again() -> None:
    now = [0.0]
    breaker = CircuitBreaker(2, 5.0, lambda: now[0])
    assert not breaker.failed()
    assert breaker.failed()
    assert not breaker.lets_through()
    now[0] = 5.0
    assert [breaker.lets_through() for _ in range(3)] == [True, False, False]
    assert breaker.failed()
    now[0] = 10.0
    assert breaker.lets_through()
    breaker.succeeded()
    assert [breaker.lets_through() for _ in range(3)] == [True, True, True]


def test_a_success_starts_the_count_anew(provider: ProviderInTrouble) -> None:
    provider.may_answer.set()
    guard = guarded(provider)
    for error in (OSError(), OSError(), None, OSError(), OSError(), None):
        provider.error = error
        if error:
            with pytest.raises(OSError):  # noqa: PT011
                guard.recordings([MBID], PARTS)
        else:
            assert guard.recordings([MBID], PARTS)


def test_calls_that_hang_are_bounded(provider: ProviderInTrouble) -> None:
    guard = GuardedProvider("trouble", provider, NullMetrics(), 0.02, CircuitBreaker(100, 60))
    for _ in range(20):
        with pytest.raises(MetadataUnavailableError):
            guard.recordings([MBID], PARTS)
    assert provider.calls == 16


def test_no_metadata_knows_nothing() -> None:
    assert NoMetadata().recordings([MBID], PARTS) == {}
    assert NoMetadata().aliases([MBID]) == {}
