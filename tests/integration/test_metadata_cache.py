"""Names that were read once: no statement for them, shared through Redis, there in an outage."""

from __future__ import annotations

import math
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from fpservice.bootstrap import Parts, build_metadata_provider, build_parts
from fpservice.cache.redis_cache import RedisCache
from fpservice.config import load_config
from fpservice.domain.errors import MetadataUnavailableError
from fpservice.domain.recording import Recording, RecordingParts
from fpservice.interfaces import MetadataProvider
from fpservice.observability.metrics import NullMetrics
from fpservice.providers import shared_recordings
from fpservice.providers.cached import CachedProvider
from fpservice.providers.recording_memory import Known, RecordingMemory
from fpservice.providers.shared_recordings import SharedRecordings
from tests.installation import Installation, environment, install, recordings
from tests.musicbrainz_data import load_musicbrainz
from tests.services import DatabaseUrls, PostgresServer, RedisServer
from tests.statements import statements as sent_to

ALL = RecordingParts(artists=True, isrcs=True, releases=True, tracks=True)
SOME = RecordingParts(artists=True)
LIGHTS = uuid.UUID("d3f78328-1787-47fb-994d-a5a342446525")
UNICODE = uuid.UUID("7212a866-f195-40ca-a96d-a7eaa367852d")
UNTIMED = uuid.UUID("1f9f774b-5332-4e1c-9954-451928d8ce81")
KEPT = uuid.UUID("6ab6ba5e-865e-40b7-b237-a36ba5c7cf3b")
MERGED = uuid.UUID("0352a589-e160-44ed-8fa6-75309756d742")
UNKNOWN = uuid.UUID("5b208610-d7ce-4199-8a7f-ba30c233f453")
MBIDS = (LIGHTS, UNICODE, UNTIMED, KEPT, MERGED, UNKNOWN)
KEYS = "fpservice:metadata:*"


class Processes:
    """What each of several web processes has: connections and a memory of its own."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables
        self._opened = ExitStack()

    def start(self, **options: str) -> tuple[Parts, MetadataProvider]:
        parts = build_parts(load_config({**self._variables, **options}))
        self._opened.callback(parts.close)
        return parts, build_metadata_provider(parts)

    def close(self) -> None:
        self._opened.close()


@contextmanager
def statements(parts: Parts) -> Iterator[list[str]]:
    """Collect what is sent to MusicBrainz."""
    assert parts.musicbrainz is not None
    with sent_to(parts.musicbrainz) as sent:
        yield sent


@pytest.fixture
def own_postgres(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresServer]:
    """A server that a test may stop."""
    monkeypatch.delenv("TEST_POSTGRES_URL", raising=False)
    server = PostgresServer.start()
    yield server
    server.stop()


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A server that a test may stop."""
    server = RedisServer.start_own()
    yield server
    server.stop()


@pytest.fixture
def processes(
    tmp_path: Path, sqlite_databases: DatabaseUrls, musicbrainz_url: str, redis_url: str
) -> Iterator[Processes]:
    """With one Redis and one MusicBrainz."""
    made = Processes(
        {
            **environment(sqlite_databases, tmp_path),
            "ACOUSTID_DATABASE_MUSICBRAINZ_URL": musicbrainz_url,
            "ACOUSTID_REDIS_URL": redis_url,
        }
    )
    yield made
    made.close()


@contextmanager
def installed(
    urls: DatabaseUrls, data: Path, musicbrainz: str, **options: str
) -> Iterator[Installation]:
    variables = {**environment(urls, data), "ACOUSTID_DATABASE_MUSICBRAINZ_URL": musicbrainz}
    installation = install({**variables, **options})
    yield installation
    installation.close()
    urls.empty()


def song(number: int) -> dict[str, Any]:
    one = recordings()[number]
    return {name: one[name] for name in ("duration", "fingerprint")}


def linked(installation: Installation, *mbids: uuid.UUID) -> None:
    """Submit a song for each MBID."""
    for number, mbid in enumerate(mbids):
        installation.submit(**song(number), mbid=str(mbid))
    installation.import_all()


def found(installation: Installation, number: int = 0, meta: str = "recordings") -> dict[str, Any]:
    """Look a song up; the answer is as good as without any trouble."""
    answer = installation.client.post(
        "/v2/lookup", data={"client": "testApp1", "meta": meta, **song(number)}
    )
    assert answer.status_code == 200, answer.data
    assert answer.json is not None
    [result] = answer.json["results"]
    [recording] = result["recordings"]
    return dict(recording)


def test_a_second_lookup_sends_no_statement(
    sqlite_databases: DatabaseUrls, tmp_path: Path, musicbrainz_url: str
) -> None:
    words = "recordings releasegroups releases tracks isrcs"
    with installed(sqlite_databases, tmp_path, musicbrainz_url) as installation:
        linked(installation, LIGHTS)
        first = found(installation, meta=words)
        assert first["releasegroups"]
        with statements(installation.parts) as sent:
            assert found(installation, meta=words) == first
        assert sent == []


def test_without_time_to_remember_each_lookup_reads(
    sqlite_databases: DatabaseUrls, tmp_path: Path, musicbrainz_url: str
) -> None:
    none = {"ACOUSTID_CACHE_METADATA_TTL": "0"}
    with installed(sqlite_databases, tmp_path, musicbrainz_url, **none) as installation:
        linked(installation, LIGHTS)
        for _ in range(2):
            with statements(installation.parts) as sent:
                assert found(installation)["title"] == "Northern Lights"
            assert any("musicbrainz.recording" in statement for statement in sent)


@pytest.mark.parametrize("parts", [RecordingParts(), SOME, ALL])
def test_processes_share_what_one_has_read(processes: Processes, parts: RecordingParts) -> None:
    _, first = processes.start()
    read = first.recordings(MBIDS, parts)
    assert read.keys() == {*MBIDS} - {UNKNOWN}
    second, provider = processes.start()
    with statements(second) as sent:
        # As objects they are the same, not only as answers.
        assert provider.recordings(MBIDS, parts) == read
        assert provider.recordings(MBIDS, parts) == read
    assert sent == []


def test_redis_forgets_in_time(processes: Processes, redis_url: str) -> None:
    _, provider = processes.start()
    provider.recordings([LIGHTS, UNKNOWN], ALL)
    with redis.Redis.from_url(redis_url) as client:
        left = sorted(client.pttl(key) / 1000 for key in client.keys(KEYS))
    assert len(left) == 2
    assert 30 < left[0] <= 60
    assert 500 < left[1] <= 600


@pytest.mark.parametrize("garbage", [b"", b"nonsense", b"\x92\xc0\xc0", b"\x91" * 100_000])
def test_what_cannot_be_read_is_written_anew(
    processes: Processes, redis_url: str, garbage: bytes
) -> None:
    _, first = processes.start()
    read = first.recordings(MBIDS, ALL)
    with redis.Redis.from_url(redis_url) as client:
        for key in client.keys(KEYS):
            client.set(key, garbage)
    second, provider = processes.start()
    with statements(second) as sent:
        assert provider.recordings(MBIDS, ALL) == read
    assert sent
    third, provider = processes.start()
    with statements(third) as sent:
        assert provider.recordings(MBIDS, ALL) == read
    assert sent == []


def test_another_version_reads_for_itself(
    processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = processes.start()
    read = first.recordings(MBIDS, ALL)
    monkeypatch.setattr(shared_recordings, "VERSION", shared_recordings.VERSION + 1)
    second, provider = processes.start()
    with statements(second) as sent:
        assert provider.recordings(MBIDS, ALL) == read
    assert sent


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Nobody:
    """A provider that never answers."""

    def recordings(
        self, mbids: Collection[uuid.UUID], parts: RecordingParts, time_limit: float = math.inf
    ) -> dict[uuid.UUID, Recording]:
        raise MetadataUnavailableError("down")

    def aliases(
        self, mbids: Collection[uuid.UUID], time_limit: float = math.inf
    ) -> dict[uuid.UUID, frozenset[uuid.UUID]]:
        raise MetadataUnavailableError("down")


@pytest.mark.parametrize(("written", "read", "kept"), [(0, 500, 100), (300, 0, 600), (0, 600, 0)])
def test_two_levels_do_not_remember_twice_as_long(
    processes: Processes, written: float, read: float, kept: float
) -> None:
    """Written and read at these times, by clocks that may be apart."""
    opened, _ = processes.start()
    assert opened.redis is not None
    clock, memory_clock = Clock(), Clock()
    shared = SharedRecordings(RedisCache("metadata", opened.redis, NullMetrics()), clock)
    clock.now = written
    known = Recording(str(LIGHTS), "Northern Lights", (), 215.0)
    shared.keep({LIGHTS: Known(known, 600.0)}, SOME)
    memory = RecordingMemory(100, NullMetrics(), memory_clock)
    provider = CachedProvider(Nobody(), memory, shared, 600.0)
    clock.now = read
    if kept:
        assert provider.recordings([LIGHTS], SOME) == {LIGHTS: known}
        memory_clock.now += kept - 1
        assert memory.get([LIGHTS], SOME) == {LIGHTS: known}
        memory_clock.now += 1
    else:
        with pytest.raises(MetadataUnavailableError):
            provider.recordings([LIGHTS], SOME)
    assert memory.get([LIGHTS], SOME) == {}


def test_what_is_too_large_is_not_shared(processes: Processes, redis_url: str) -> None:
    opened, _ = processes.start()
    assert opened.redis is not None
    shared = SharedRecordings(RedisCache("metadata", opened.redis, NullMetrics()))
    large = Recording(str(UNICODE), "x" * 2**20, (), None)
    small = Recording(str(LIGHTS), "Northern Lights", (), None)
    shared.keep({UNICODE: Known(large, 600.0), LIGHTS: Known(small, 600.0)}, SOME)
    assert shared.get([UNICODE, LIGHTS], SOME).keys() == {LIGHTS}


def test_no_time_left_is_no_time_for_redis(processes: Processes) -> None:
    _, first = processes.start()
    first.recordings([LIGHTS], ALL)
    _, provider = processes.start()
    with pytest.raises(MetadataUnavailableError):
        provider.recordings([LIGHTS], ALL, 0.0)
    assert provider.recordings([LIGHTS], ALL, 5.0)


def test_redis_that_is_stopped_costs_no_request(
    sqlite_databases: DatabaseUrls,
    tmp_path: Path,
    musicbrainz_url: str,
    own_redis: RedisServer,
) -> None:
    url = {"ACOUSTID_REDIS_URL": own_redis.url}
    with installed(sqlite_databases, tmp_path, musicbrainz_url, **url) as installation:
        linked(installation, LIGHTS, UNICODE)
        lights = found(installation, 0)
        assert lights["title"] == "Northern Lights"
        own_redis.stop()
        assert found(installation, 0) == lights
        with statements(installation.parts) as sent:
            assert "title" in found(installation, 1)
        assert sent
        with statements(installation.parts) as sent:
            assert "title" in found(installation, 1)
        assert sent == []


@pytest.mark.parametrize("with_redis", [False, True])
def test_names_that_were_read_are_shown_when_musicbrainz_is_gone(
    sqlite_databases: DatabaseUrls,
    tmp_path: Path,
    own_postgres: PostgresServer,
    redis_url: str,
    with_redis: bool,
) -> None:
    names = own_postgres.create_database("names")
    load_musicbrainz(names)
    url = {"ACOUSTID_REDIS_URL": redis_url} if with_redis else {}
    with installed(sqlite_databases, tmp_path, names, **url) as installation:
        linked(installation, LIGHTS, UNICODE)
        lights = found(installation, 0)
        own_postgres.stop()
        for _ in range(5):
            assert found(installation, 0) == lights
            # That it was not to be had is not remembered as if nobody knew it.
            assert found(installation, 1) == {"id": str(UNICODE)}
            assert found(installation, 0, "recordings releases") == {"id": str(LIGHTS)}
        if with_redis:
            other = build_parts(installation.config)
            provider = build_metadata_provider(other)
            assert provider.recordings([LIGHTS], SOME)[LIGHTS].title == "Northern Lights"
            other.close()
