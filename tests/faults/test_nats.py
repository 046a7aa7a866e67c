"""NATS brings submissions at once; without it, or after it forgot everything, nothing is lost."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nats
import pytest
from sqlalchemy import select, update

from fpservice.bootstrap import build_importers, build_indexing, build_ingestion
from fpservice.config_options import NatsOptions
from fpservice.db.fingerprint.tables import track_mbid
from fpservice.db.ingest.tables import submission
from fpservice.domain.errors import QueueUnavailableError
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_consumer import NatsConsumer
from fpservice.messaging.nats_queue import NatsQueue
from fpservice.messaging.nats_stream import keep_stream
from fpservice.observability.metrics import NullMetrics
from tests.counted_metrics import CountedMetrics
from tests.installation import (
    Installation,
    environment,
    fresh_fingerprint,
    install,
)
from tests.services import DatabaseUrls, NatsServer

MBID = "9f1dd25a-f78a-411f-b382-b85030b34eba"


def eventually(check: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)


class Workers:
    """Importers in threads of this process, as `fpservice worker` runs them."""

    def __init__(self, installed: Installation, number: int = 1) -> None:
        self._all = [build_importers(installed.parts) for _ in range(number)]
        self._threads = [threading.Thread(target=one.run) for one in self._all]

    def __enter__(self) -> None:
        for thread in self._threads:
            thread.start()

    def __exit__(self, *error: object) -> None:
        for one in self._all:
            one.stop()
        for thread in self._threads:
            thread.join(20)
            assert not thread.is_alive()


@pytest.fixture
def own_nats() -> Iterator[NatsServer]:
    """A NATS of this test alone, which it may stop and wipe."""
    server = NatsServer.start()
    yield server
    server.stop()


@pytest.fixture
def with_nats(
    databases: DatabaseUrls, tmp_path: Path, own_nats: NatsServer
) -> Iterator[Installation]:
    installed = install(
        {
            **environment(databases, tmp_path),
            "ACOUSTID_NATS_SERVERS": own_nats.url,
            "ACOUSTID_WORKER_SWEEP_AFTER": "1",
            "ACOUSTID_WORKER_RETRY_DELAY": "0.1",
            "ACOUSTID_WORKER_MAX_ATTEMPTS": "3",
            "ACOUSTID_NATS_PUBLISH_TIMEOUT": "1",
        }
    )
    yield installed
    installed.app.extensions["fpservice"].submission.close()
    installed.parts.close()


def submit(installed: Installation, seed: int) -> int:
    [id] = installed.submit(duration=30, fingerprint=fresh_fingerprint(seed), mbid=MBID)
    return id


def states(installed: Installation, ids: list[int]) -> set[str]:
    return {one["status"] for one in installed.status(*ids)}


def check_counts(installed: Installation, number: int) -> None:
    with installed.parts.databases.fingerprint.reading() as connection:
        counts = connection.execute(select(track_mbid.c.submission_count)).scalars().all()
    assert sum(counts) == number
    assert build_indexing(installed.parts).waiting() == 0


def test_submissions_travel_through_the_stream(with_nats: Installation) -> None:
    with Workers(with_nats, 2):
        ids = [submit(with_nats, seed) for seed in range(20)]
        eventually(lambda: states(with_nats, ids) == {"imported"})
    check_counts(with_nats, 20)


def test_submissions_before_nats_comes_and_after_it_went(
    databases: DatabaseUrls, tmp_path: Path
) -> None:
    port_only = NatsServer.start()
    url = port_only.url
    port_only.stop()
    installed = install(
        {
            **environment(databases, tmp_path),
            "ACOUSTID_NATS_SERVERS": url,
            "ACOUSTID_WORKER_SWEEP_AFTER": "1",
        }
    )
    started = time.monotonic()
    ids = [submit(installed, seed) for seed in range(10)]
    assert time.monotonic() - started < 3
    with Workers(installed):
        eventually(lambda: states(installed, ids) == {"imported"})
    check_counts(installed, 10)
    installed.parts.close()


def test_a_wiped_stream_costs_a_delay_and_nothing_else(
    with_nats: Installation, own_nats: NatsServer
) -> None:
    ids = [submit(with_nats, seed) for seed in range(10)]
    own_nats.clear()
    with Workers(with_nats):
        eventually(lambda: states(with_nats, ids) == {"imported"})
        own_nats.clear()
        more = [submit(with_nats, seed) for seed in range(10, 15)]
        eventually(lambda: states(with_nats, more) == {"imported"}, 30)
    check_counts(with_nats, 15)


def test_a_poison_submission_dies_among_good_ones_and_is_kept(
    with_nats: Installation, own_nats: NatsServer
) -> None:
    poison = submit(with_nats, 1)
    with with_nats.parts.databases.ingest.writing() as connection:
        connection.execute(
            update(submission).where(submission.c.id == poison).values(hashes=b"abc")
        )
    good = [submit(with_nats, seed) for seed in range(2, 8)]
    with Workers(with_nats):
        eventually(lambda: states(with_nats, [poison]) == {"failed"}, 30)
        eventually(lambda: states(with_nats, good) == {"imported"})
    check_counts(with_nats, len(good))


def test_the_same_message_five_times_takes_effect_once(
    with_nats: Installation, own_nats: NatsServer
) -> None:
    one = submit(with_nats, 3)
    options = NatsOptions(servers=(own_nats.url,))
    consumer = NatsConsumer(NatsConnection(options), options, NullMetrics())
    ingestion = build_ingestion(with_nats.parts)
    seen = 0
    deadline = time.monotonic() + 30
    while seen < 5 and time.monotonic() < deadline:
        try:
            deliveries = consumer.fetch(10, 1.0)
        except QueueUnavailableError:
            time.sleep(0.1)
            continue
        for delivery in deliveries:
            assert delivery.submission_id == one
            ingestion.import_submission(one)
            seen += 1
            delivery.done() if seen == 5 else delivery.again(0.05)
        if not deliveries and not seen:
            # Announced before the stream was there.
            consumer.announce_again([one])
    assert seen == 5
    consumer.close()
    build_indexing(with_nats.parts).drain()
    check_counts(with_nats, 1)


def test_announcing_never_keeps_a_request_waiting(databases: DatabaseUrls, tmp_path: Path) -> None:
    options = NatsOptions(servers=("nats://127.0.0.1:9",))
    queue = NatsQueue(NatsConnection(options), options, NullMetrics())
    started = time.monotonic()
    queue.publish(range(100))
    assert time.monotonic() - started < 0.5
    queue.close()


@pytest.fixture
def announcing(own_nats: NatsServer) -> Iterator[tuple[NatsQueue, CountedMetrics]]:
    """A queue that is connected, and what it counts."""
    options = NatsOptions(servers=(own_nats.url,), publish_timeout=1)
    connection, metrics = NatsConnection(options), CountedMetrics()
    queue = NatsQueue(connection, options, metrics)
    eventually(lambda: connection.is_connected)
    connection.submit(keep_stream(connection.jetstream(5), options)).result(10)
    yield queue, metrics
    queue.close()


def test_every_announcement_is_counted_once(
    announcing: tuple[NatsQueue, CountedMetrics], own_nats: NatsServer
) -> None:
    queue, metrics = announcing
    for first in range(0, 500, 5):
        queue.publish(range(first, first + 5))
        time.sleep(0.001)
    eventually(lambda: metrics.counts["nats.published"] == 500)
    assert messages(own_nats) == 500
    # JetStream knows these already, unless it is said that they come again.
    queue.publish([1, 2])
    queue.publish([3], again=True)
    eventually(lambda: metrics.counts["nats.published"] == 503)
    assert messages(own_nats) == 501
    assert metrics.counts.keys() == {"nats.published"}


def test_without_a_stream_announcements_fail(
    announcing: tuple[NatsQueue, CountedMetrics], own_nats: NatsServer
) -> None:
    queue, metrics = announcing
    own_nats.clear()
    queue.publish(range(10))
    eventually(lambda: metrics.counts["nats.publish.errors"] == 10)
    assert metrics.counts["nats.published"] == 0


def test_a_nats_that_hangs_keeps_nobody_waiting(
    announcing: tuple[NatsQueue, CountedMetrics], own_nats: NatsServer
) -> None:
    queue, metrics = announcing
    assert own_nats.process is not None
    own_nats.process.suspend()
    try:
        for id in range(2000):
            started = time.monotonic()
            queue.publish([id])
            assert time.monotonic() - started < 0.5
        eventually(lambda: metrics.counts["nats.publish.errors"] == 1000)
        assert metrics.counts["nats.publish.skipped"] == 1000
    finally:
        own_nats.process.resume()
    eventually(lambda: announced(queue, metrics))


def announced(queue: NatsQueue, metrics: CountedMetrics) -> bool:
    """Announce one, and return whether any ever was."""
    queue.publish([5000])
    return metrics.counts["nats.published"] > 0


def messages(server: NatsServer) -> int:
    """Return how many messages the stream has."""

    async def ask() -> int:
        client = await nats.connect(server.url)
        try:
            stream = await client.jetstream().stream_info(NatsOptions().stream)
            return int(stream.state.messages)
        finally:
            await client.close()

    return asyncio.run(ask())
