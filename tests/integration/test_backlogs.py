"""How far behind importers and index are, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, update

from fpservice.bootstrap import build_indexing, build_ingestion
from fpservice.db.fingerprint.tables import index_change
from fpservice.db.ingest.tables import pending_submission
from fpservice.messaging.polling import PollingConsumer
from fpservice.services.backlogs import BacklogService
from fpservice.worker.sweeper import Sweeper
from tests.counted_metrics import CountedMetrics
from tests.installation import Installation, fresh_fingerprint


def submit(installation: Installation, number: int) -> int:
    form = {"fingerprint": fresh_fingerprint(number), "duration": 30, "track": "New"}
    [id] = installation.submit(**form)
    return id


def seconds_ago(seconds: float) -> datetime:
    return datetime.now(UTC) - timedelta(seconds=seconds)


def test_nothing_waits(installation: Installation) -> None:
    backlogs = BacklogService(installation.parts.databases)
    for found in (backlogs.outbox(), backlogs.index()):
        assert (found.waiting, found.oldest) == (0, 0.0)


def test_the_outbox_has_an_age_until_it_is_empty(installation: Installation) -> None:
    backlogs = BacklogService(installation.parts.databases)
    first = submit(installation, 1)
    submit(installation, 2)
    with installation.parts.databases.ingest.writing() as connection:
        table = pending_submission
        connection.execute(
            update(table).where(table.c.submission_id == first).values(created=seconds_ago(90))
        )
    assert backlogs.outbox().waiting == 2
    assert backlogs.outbox().oldest == pytest.approx(90, abs=10)
    installation.import_all()
    assert backlogs.outbox().waiting == 0


def test_the_index_has_an_age_until_it_was_told(installation: Installation) -> None:
    backlogs = BacklogService(installation.parts.databases)
    with installation.parts.databases.fingerprint.writing() as connection:
        rows = [{"fingerprint_id": id, "deleted": False} for id in (7, 8, 9)]
        connection.execute(insert(index_change).values(created=seconds_ago(40)), rows)
    assert backlogs.index().waiting == 3
    assert backlogs.index().oldest == pytest.approx(40, abs=10)
    build_indexing(installation.parts).drain()
    assert backlogs.index().waiting == 0


def test_the_sweeper_gauges_both(installation: Installation) -> None:
    parts, metrics = installation.parts, CountedMetrics()
    ingestion = build_ingestion(parts)
    consumer = PollingConsumer(ingestion.due, ingestion.release, 0.1)
    sweeper = Sweeper(ingestion, BacklogService(parts.databases), consumer, metrics, 60.0)
    # It has not waited for long enough to be announced again, but it waits.
    submit(installation, 3)
    assert sweeper.sweep() == 0
    assert metrics.gauges["outbox.waiting"] == 1
    assert metrics.gauges["index.waiting"] == 0
    assert set(metrics.gauges) == {
        "outbox.waiting",
        "outbox.oldest",
        "index.waiting",
        "index.oldest",
    }
