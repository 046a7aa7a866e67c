"""Submissions of many requests at once: each gets its own ids, and only its own errors."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event, select

from fpservice.db.engines import open_engine
from fpservice.db.failures import DATABASE_ERRORS
from fpservice.db.ingest.submissions import find_submissions
from fpservice.db.ingest.tables import pending_submission, submission
from fpservice.db.transaction import Database
from fpservice.domain.submission import State, Submission, SubmittedText
from fpservice.services.intake import Intake
from tests.services import DatabaseUrls

THREADS = 16


@pytest.fixture
def ingest(databases: DatabaseUrls) -> Iterator[Database]:
    with closing(Database("ingest", open_engine(databases.ingest, pool_size=THREADS))) as database:
        yield database


def one(number: int, **more: Any) -> Submission:
    hashes = np.arange(number, number + 30, dtype=np.uint32) * np.uint32(2654435761)
    return Submission(1, 2, "1.0", hashes, duration=30 + number % 100, **more)


def full(number: int) -> Submission:
    text = SubmittedText("Ode “’”", "Ärtist", "Album", "Various", 3, 2, 1999)
    ids = {"mbid": uuid.UUID(int=number), "puid": uuid.UUID(int=number + 1)}
    return one(number, bitrate=320, format="FLAC", foreignid="foo:1", text=text, **ids)


def stored(ingest: Database, ids: list[int]) -> list[Submission]:
    with ingest.reading() as connection:
        found = find_submissions(connection, ids)
        waiting = set(connection.execute(select(pending_submission.c.submission_id)).scalars())
    assert waiting >= set(ids)
    assert {found[id].state for id in ids} == {State.PENDING}
    return [found[id].content for id in ids]


def assert_same(stored: list[Submission], given: list[Submission]) -> None:
    assert len(stored) == len(given)
    for left, right in zip(stored, given, strict=True):
        assert np.array_equal(left.hashes, right.hashes)
        nothing = np.empty(0, dtype=np.uint32)
        assert repr(replace(left, hashes=nothing)) == repr(replace(right, hashes=nothing))


@pytest.mark.parametrize("number", [1, 2, 20, 300])
def test_ids_have_the_order_of_the_submissions(ingest: Database, number: int) -> None:
    given = [full(place) if place % 2 else one(place) for place in range(number)]
    ids = Intake(ingest).store(given)
    assert ids == sorted(set(ids))
    assert_same(stored(ingest, ids), given)


def test_many_requests_at_once(ingest: Database) -> None:
    intake = Intake(ingest)
    requests = [
        [one(10 * number + place) for place in range(1 + number % 3)] for number in range(200)
    ]
    with ThreadPoolExecutor(THREADS) as pool:
        all_ids = list(pool.map(intake.store, requests))
    for ids, given in zip(all_ids, requests, strict=True):
        assert_same(stored(ingest, ids), given)
    assert len({id for ids in all_ids for id in ids}) == sum(map(len, requests))


def test_those_that_wait_share_a_transaction(ingest: Database) -> None:
    commits = []
    # Whoever is first has to be slow for others to wait.
    event.listen(ingest.engine, "checkin", lambda *_: commits.append(1))
    intake = Intake(ingest)
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: intake.store([one(number)]), range(400)))
    assert 0 < len(commits) < 400


def test_a_bad_one_spoils_only_its_own_request(ingest: Database) -> None:
    # NOT NULL says no, on both.
    bad = replace(one(5), application_version=None)  # type: ignore[arg-type]
    intake = Intake(ingest)

    def store(number: int) -> list[int] | Exception:
        try:
            return intake.store([one(number), bad] if number % 5 == 0 else [one(number)])
        except DATABASE_ERRORS as error:
            return error

    with ThreadPoolExecutor(THREADS) as pool:
        results = list(pool.map(store, range(100)))
    for number, result in enumerate(results):
        if number % 5 == 0:
            assert isinstance(result, Exception)
        else:
            assert isinstance(result, list)
            assert_same(stored(ingest, result), [one(number)])
    with ingest.reading() as connection:
        assert len(connection.execute(select(submission.c.id)).all()) == 80


def test_nothing_is_stored_of_a_request_that_failed(ingest: Database) -> None:
    bad = replace(one(5), application_version=None)  # type: ignore[arg-type]
    with pytest.raises(DATABASE_ERRORS):
        Intake(ingest).store([one(1), bad, one(2)])
    with ingest.reading() as connection:
        assert connection.execute(select(submission.c.id)).all() == []
        assert connection.execute(select(pending_submission.c.submission_id)).all() == []
