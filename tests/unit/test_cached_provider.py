"""What was read once is not read again for a while; what failed is tried again."""

from __future__ import annotations

import math
import threading
import uuid
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from typing import Any

import pytest

from fpservice.domain import recording as classes
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.recording import (
    Appearance,
    Medium,
    MediumTrack,
    Recording,
    RecordingParts,
    Release,
    ReleaseGroup,
)
from fpservice.observability.metrics import NullMetrics
from fpservice.providers import shared_recordings
from fpservice.providers.cached import CachedProvider
from fpservice.providers.recording_memory import Known, RecordingMemory
from tests.counted_metrics import CountedMetrics

MBIDS = [uuid.UUID(int=number) for number in range(1, 11)]
UNKNOWN = uuid.UUID(int=99)
PARTS = RecordingParts(artists=True)
TTL = 600.0


def recording(mbid: uuid.UUID, releases: int = 0, tracks: int = 0) -> Recording:
    release = Release("r", "Album", (), ReleaseGroup("g", "Album", ()), 1, 12)
    track = MediumTrack("t", "Song", (), 1, None, Medium(1, 12))
    appearances = (Appearance(release, (track,) * tracks),) * releases
    return Recording(str(mbid), "Song", (), None, (), appearances)


@dataclass
class Provider:
    """Knows ten recordings, and writes down what it is asked."""

    asked: list[set[uuid.UUID]] = field(default_factory=list)
    limits: list[float] = field(default_factory=list)
    fails: bool = False

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        self.asked.append(set(mbids))
        self.limits.append(time_limit)
        if self.fails:
            raise MetadataUnavailableError("down")
        return {mbid: recording(mbid) for mbid in mbids if mbid in MBIDS}

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        self.limits.append(time_limit)
        return {mbid: frozenset({mbid}) for mbid in mbids}


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def provider() -> Provider:
    return Provider()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics() -> CountedMetrics:
    return CountedMetrics()


@pytest.fixture
def cached(provider: Provider, clock: Clock, metrics: CountedMetrics) -> CachedProvider:
    return CachedProvider(provider, RecordingMemory(100, metrics, clock), None, TTL)


def test_only_what_is_not_remembered_is_asked_for_at_once(
    cached: CachedProvider, provider: Provider
) -> None:
    assert cached.recordings(MBIDS[:2], PARTS) == {one: recording(one) for one in MBIDS[:2]}
    # Whoever changes what was returned changes nothing that is remembered.
    cached.recordings(MBIDS[:1], PARTS).clear()
    assert cached.recordings([*MBIDS, *MBIDS, UNKNOWN], PARTS) == {
        one: recording(one) for one in MBIDS
    }
    assert cached.recordings([*MBIDS, UNKNOWN], PARTS).keys() == set(MBIDS)
    assert cached.recordings([], PARTS) == {}
    assert provider.asked == [set(MBIDS[:2]), {*MBIDS[2:], UNKNOWN}]


def test_other_parts_are_other_recordings(cached: CachedProvider, provider: Provider) -> None:
    every = [
        RecordingParts(artists, isrcs, releases, tracks)
        for artists in (False, True)
        for isrcs in (False, True)
        for releases in (False, True)
        for tracks in (False, True)
    ]
    for _ in range(2):
        for parts in every:
            cached.recordings(MBIDS[:1], parts)
    assert len(provider.asked) == len(every)


def test_all_is_forgotten_in_time_and_what_is_unknown_sooner(
    cached: CachedProvider, provider: Provider, clock: Clock
) -> None:
    both = [MBIDS[0], UNKNOWN]
    cached.recordings(both, PARTS)
    clock.now += 59
    cached.recordings(both, PARTS)
    assert len(provider.asked) == 1
    clock.now += 1
    cached.recordings(both, PARTS)
    assert provider.asked[1:] == [{UNKNOWN}]
    clock.now += TTL - 60
    cached.recordings(both, PARTS)
    assert provider.asked[2:] == [{MBIDS[0], UNKNOWN}]


def test_a_failure_is_not_remembered(cached: CachedProvider, provider: Provider) -> None:
    cached.recordings(MBIDS[:2], PARTS)
    provider.fails = True
    for _ in range(2):
        with pytest.raises(MetadataUnavailableError):
            cached.recordings(MBIDS[1:3], PARTS)
    # Of these all is remembered.
    assert len(cached.recordings(MBIDS[:2], PARTS)) == 2
    provider.fails = False
    assert len(cached.recordings(MBIDS[1:3], PARTS)) == 2
    assert provider.asked[1:] == [{MBIDS[2]}] * 3


def test_time_limits_are_passed_on(cached: CachedProvider, provider: Provider) -> None:
    cached.recordings(MBIDS[:1], PARTS, 2.5)
    cached.recordings(MBIDS[1:2], PARTS)
    cached.aliases(MBIDS, 1.5)
    first, second, third = provider.limits
    assert 0 < first <= 2.5
    assert (second, third) == (math.inf, 1.5)
    # What is remembered takes no time.
    assert cached.recordings(MBIDS[:1], PARTS, 0.0)


def test_aliases_are_what_the_provider_says(cached: CachedProvider) -> None:
    assert cached.aliases(MBIDS[:1]) == {MBIDS[0]: frozenset({MBIDS[0]})}


def test_hits_and_misses_are_counted(cached: CachedProvider, metrics: CountedMetrics) -> None:
    cached.recordings([MBIDS[0], UNKNOWN], PARTS)
    cached.recordings([MBIDS[0], MBIDS[1], UNKNOWN], PARTS)
    assert metrics.counts == {
        "cache.misses.metadata.memory": 3,
        "cache.hits.metadata.memory": 2,
    }


def remembered(memory: RecordingMemory) -> list[int]:
    return [mbid.int for mbid in MBIDS if memory.get([mbid], PARTS)]


def keep(memory: RecordingMemory, mbid: uuid.UUID, *numbers: int) -> None:
    memory.keep({mbid: Known(recording(mbid, *numbers), TTL)}, PARTS)


def test_memory_is_bounded_by_releases_and_tracks() -> None:
    memory = RecordingMemory(10, NullMetrics())
    for mbid in MBIDS:
        keep(memory, mbid)
    assert memory.weight == 10
    # On two releases, two tracks on each: weighs 7, so seven go, those not used the longest.
    memory.get(MBIDS[:2], PARTS)
    keep(memory, MBIDS[9], 2, 2)
    assert memory.weight == 10
    assert remembered(memory) == [1, 2, 9, 10]
    keep(memory, MBIDS[4], 1, 9)
    assert remembered(memory) == [1, 2, 9, 10], "weighs 11 alone"


def test_what_was_forgotten_weighs_nothing(clock: Clock) -> None:
    memory = RecordingMemory(10, NullMetrics(), clock)
    keep(memory, MBIDS[0], 3)
    keep(memory, MBIDS[1], 2)
    assert memory.weight == 7
    clock.now += TTL
    assert memory.weight == 0


def test_threads_share_the_memory(provider: Provider) -> None:
    memory = RecordingMemory(5, NullMetrics())
    cached = CachedProvider(provider, memory, None, TTL)
    wrong: list[Any] = []

    def work(number: int) -> None:
        for step in range(300):
            some = [*(MBIDS[(number + step * each) % 10] for each in range(1, 4)), UNKNOWN]
            answer = cached.recordings(some, PARTS)
            if answer != {one: recording(one) for one in set(some) - {UNKNOWN}}:
                wrong.append(answer)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()
    assert wrong == []
    assert memory.weight <= 5


def test_what_is_shared_has_a_new_version_when_the_classes_change() -> None:
    kinds = ("Recording", "Appearance", "MediumTrack", "Medium", "Release", "ReleaseEvent")
    kinds += ("ReleaseGroup", "CreditedArtist")
    shape = {
        kind: " ".join(f"{one.name}:{one.type}" for one in fields(getattr(classes, kind)))
        for kind in kinds
    }
    # Whoever changes this changes VERSION too: bytes of the old classes are in use.
    assert shared_recordings.VERSION == 1
    assert shape == {
        "Recording": "id:str title:str artists:ArtistCredit duration:float | None"
        " isrcs:tuple[str, ...] appearances:tuple[Appearance, ...]",
        "Appearance": "release:Release tracks:tuple[MediumTrack, ...]",
        "MediumTrack": "id:str title:str artists:ArtistCredit position:int"
        " duration:float | None medium:Medium",
        "Medium": "position:int track_count:int format:str | None title:str | None",
        "Release": "id:str title:str artists:ArtistCredit group:ReleaseGroup medium_count:int"
        " track_count:int events:tuple[ReleaseEvent, ...]",
        "ReleaseEvent": "country:str | None year:int | None month:int | None day:int | None",
        "ReleaseGroup": "id:str title:str artists:ArtistCredit type:str | None"
        " secondary_types:tuple[str, ...]",
        "CreditedArtist": "id:str name:str joinphrase:str",
    }
