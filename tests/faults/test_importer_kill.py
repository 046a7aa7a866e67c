"""The importer is killed at random while submissions flow: none is lost, none counts twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import func, select

from fpservice.bootstrap import build_comparison, build_services, build_submission
from fpservice.db.fingerprint.tables import (
    imported_submission,
    index_change,
    track_fingerprint,
    track_mbid,
)
from fpservice.db.ingest.tables import link_source, submission_result
from fpservice.domain.submission import State, Submission
from tests.installation import Installation, environment
from tests.services import DatabaseUrls

# At least so many; more come, slowly, until the importer was killed often enough.
SUBMISSIONS = 2000
KILLS = 5
PORTION = 20
RECORDINGS = 400
LATEST_KILL = 2.5


class Killed:
    """An importer that is started again whenever it was killed."""

    def __init__(self, variables: dict[str, str], seed: int) -> None:
        self._variables = {**os.environ, **variables}
        self._random = random.Random(seed)
        self.kills = 0

    def run_until(
        self, deadline: float, is_done: threading.Event, pending: Callable[[], int]
    ) -> None:
        latest = LATEST_KILL
        while not is_done.is_set() and time.monotonic() < deadline:
            before = pending()
            process = self._start()
            # The start takes most of a second; what comes after it is to be hit everywhere.
            moment = self._random.uniform(0.7, latest)
            is_done.wait(moment)
            process.send_signal(signal.SIGKILL)
            process.wait()
            self.kills += 1
            # On a busy machine it may not have begun yet; it has to, some time.
            latest = LATEST_KILL if pending() < before else 1.5 * latest

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "fpservice.cli", "worker"]
        return subprocess.Popen(command, env=self._variables, stderr=subprocess.DEVNULL)


def recordings(seed: int) -> list[np.ndarray]:
    """Random walks: neighbouring hashes differ in a few bits, as in music."""
    generator = np.random.default_rng(seed)
    flips = np.zeros((RECORDINGS, 200), dtype=np.uint32)
    for _ in range(4):
        flips |= np.uint32(1) << generator.integers(0, 32, flips.shape, dtype=np.uint32)
    flips[:, 0] = generator.integers(0, 2**32, RECORDINGS, dtype=np.uint32)
    return list(np.bitwise_xor.accumulate(flips, axis=1))


def submissions(seed: int) -> list[Submission]:
    """Return each recording as often as the others, in any order."""
    audio = recordings(seed)
    mbids = [uuid.UUID(int=1 + number) for number in range(RECORDINGS)]
    order = [number % RECORDINGS for number in range(SUBMISSIONS)]
    random.Random(seed).shuffle(order)
    return [
        Submission(1, 1, "1.0", audio[number], duration=26, mbid=mbids[number]) for number in order
    ]


@pytest.mark.timeout(240)
def test_nothing_is_lost_and_nothing_counts_twice(
    installation: Installation, databases: DatabaseUrls, tmp_path: Path
) -> None:
    service = build_submission(installation.parts)
    killed = Killed(environment(databases, tmp_path), seed=11)
    ids: list[int] = []
    all_in = threading.Event()
    deadline = time.monotonic() + 200

    def send() -> None:
        content = submissions(seed=7)
        while len(ids) < SUBMISSIONS or (killed.kills < KILLS and time.monotonic() < deadline):
            start = len(ids) % SUBMISSIONS
            ids.extend(service.submit(content[start : start + PORTION]))
            time.sleep(0.02 if len(ids) < SUBMISSIONS else 0.2)
        all_in.set()

    is_done = threading.Event()

    def watch() -> None:
        all_in.wait()
        while service.pending():
            time.sleep(0.1)
        is_done.set()

    for target in (send, watch):
        threading.Thread(target=target, daemon=True).start()
    killed.run_until(deadline, is_done, service.pending)
    assert is_done.is_set()
    # Its last changes may wait for the index still; whoever comes next tells it.
    installation.import_all()
    print(f"{len(ids)} submissions, importer killed {killed.kills} times")
    assert killed.kills >= KILLS
    check(installation, ids)


def check(installation: Installation, ids: list[int]) -> None:
    number = len(set(ids))
    assert number == len(ids)
    for start in range(0, number, 500):
        statuses = build_services(installation.parts).submission.status(ids[start : start + 500])
        assert {status.state for status in statuses} == {State.IMPORTED}
    databases = installation.parts.databases
    with databases.fingerprint.reading() as connection:
        counts = {
            table.name: connection.execute(
                select(func.count(), func.sum(table.c.submission_count))
            ).one()
            for table in (track_fingerprint, track_mbid)
        }
        effects = connection.execute(
            select(func.count()).select_from(imported_submission)
        ).scalar_one()
        waiting = connection.execute(select(func.count()).select_from(index_change)).scalar_one()
    assert counts == {
        "track_fingerprint": (RECORDINGS, number),
        "track_mbid": (RECORDINGS, number),
    }
    assert effects == number
    assert waiting == 0
    with databases.ingest.reading() as connection:
        for table, rows in ((submission_result, number), (link_source, 2 * number)):
            stored = connection.execute(select(func.count()).select_from(table)).scalar_one()
            assert stored == rows
    comparison = build_comparison(installation.parts)
    assert list(comparison.damage()) == []
    assert comparison.differences(lambda number: None) == []
    assert installation.parts.index.status().fingerprints == RECORDINGS
