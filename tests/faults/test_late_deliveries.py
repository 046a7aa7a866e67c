"""A submission that is delivered late, after it failed, while an operator has it tried again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nats
from sqlalchemy import delete, event

from fpservice.bootstrap import build_ingestion, build_submission
from fpservice.config_options import NatsOptions
from fpservice.db.ingest.tables import pending_submission
from fpservice.domain.errors import QueueUnavailableError
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_consumer import NatsConsumer
from fpservice.observability.metrics import NullMetrics
from fpservice.services.ingestion import ImportOutcome
from tests.faults.test_nats import Workers, eventually
from tests.installation import Installation, environment, fresh_fingerprint, install
from tests.services import DatabaseUrls, NatsServer

STREAM = "late"


def failed(installed: Installation) -> int:
    """Submit something and return the id when it has failed."""
    [id] = installed.submit(duration=30, fingerprint=fresh_fingerprint(1), track="x")
    ingestion = build_ingestion(installed.parts)
    while ingestion.postpone(id, "of a bug") is not None:
        pass
    assert installed.status(id)[0]["status"] == "failed"
    return id


def test_a_retry_is_not_undone_by_a_late_delivery(installation: Installation) -> None:
    id = failed(installation)
    service = build_submission(installation.parts)
    engine = installation.parts.databases.ingest.engine
    retried: list[bool] = []

    def retry(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if "FROM submission" in statement and not retried:
            retried.append(False)
            retried[0] = service.retry(id)

    # The delivery has just read that the submission has failed.
    event.listen(engine, "after_cursor_execute", retry)
    try:
        outcome = build_ingestion(installation.parts).import_submission(id)
    finally:
        event.remove(engine, "after_cursor_execute", retry)
    assert (retried, outcome) == ([True], ImportOutcome.GONE)
    assert service.pending() == 1
    installation.import_all()
    assert installation.status(id)[0]["status"] == "imported"
    assert service.pending() == 0


def test_what_was_lost_is_put_back(databases: DatabaseUrls, tmp_path: Path) -> None:
    variables = environment(databases, tmp_path)
    installed = install({**variables, "ACOUSTID_WORKER_SWEEP_AFTER": "0.1"})
    [id] = installed.submit(duration=30, fingerprint=fresh_fingerprint(1), track="x")
    with installed.parts.databases.ingest.writing() as connection:
        connection.execute(delete(pending_submission))
    with Workers(installed):
        eventually(lambda: installed.status(id)[0]["status"] == "imported")
    installed.close()


def test_a_retry_is_announced_though_the_submission_was_before(
    databases: DatabaseUrls, tmp_path: Path
) -> None:
    server = NatsServer.start()
    variables = environment(databases, tmp_path)
    more = {"ACOUSTID_NATS_SERVERS": server.url, "ACOUSTID_NATS_STREAM": STREAM}
    installed = install({**variables, **more, "ACOUSTID_NATS_PUBLISH_TIMEOUT": "1"})
    options = NatsOptions(servers=(server.url,), stream=STREAM)
    consumer = NatsConsumer(NatsConnection(options), options, NullMetrics())
    eventually(lambda: consumer_is_there(consumer))
    service = installed.services.submission
    eventually(lambda: is_connected(installed))
    id = failed(installed)
    eventually(lambda: messages(server) == 1)
    assert service.retry(id)
    eventually(lambda: messages(server) == 2)
    consumer.close()
    installed.close()
    server.stop()


def consumer_is_there(consumer: NatsConsumer) -> bool:
    try:
        return consumer.fetch(1, 0.1) == []
    except QueueUnavailableError:
        return False


def is_connected(installed: Installation) -> bool:
    try:
        installed.services.submission.ping_queue()
    except QueueUnavailableError:
        return False
    return True


def messages(server: NatsServer) -> int:
    """Return how many messages the stream ever took."""

    async def ask() -> int:
        async with await nats.connect(server.url) as client:
            return (await client.jetstream().stream_info(STREAM)).state.last_seq

    return asyncio.run(ask())
