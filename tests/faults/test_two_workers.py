"""Workers side by side come to the tracks and counts that one comes to, in whatever order."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from fpservice.bootstrap import build_comparison, build_submission
from fpservice.db.fingerprint.tables import fingerprint, track_fingerprint, track_mbid
from fpservice.domain.submission import Submission
from tests.installation import Installation, environment
from tests.services import DatabaseUrls

RECORDINGS = 500
LENGTH = 120
# The second of two variants differs from the first in so many bits of its hashes: too many to be
# the same fingerprint (a score of 0.9), few enough to be of the same track (0.75).
BITS = 2

# For each recording: how often its variants, by their hashes, and its MBID were submitted.
Catalogue = dict[frozenset[bytes], tuple[Counter[bytes], Counter[uuid.UUID]]]


def variants(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Two fingerprints of each recording."""
    generator = np.random.default_rng(seed)
    flips = np.zeros((RECORDINGS, LENGTH), dtype=np.uint32)
    for _ in range(4):
        flips |= np.uint32(1) << generator.integers(0, 32, flips.shape, dtype=np.uint32)
    flips[:, 0] = generator.integers(0, 2**32, RECORDINGS, dtype=np.uint32)
    first = np.bitwise_xor.accumulate(flips, axis=1)
    # The low bits are no part of the terms or keys by which fingerprints meet.
    noise = np.zeros_like(first)
    for bit in range(BITS):
        noise |= np.uint32(1 << bit) * np.ones_like(first)
    return list(zip(first, first ^ noise, strict=True))


def shuffled(number: int, seed: int) -> list[Submission]:
    pairs = variants(seed)
    chooser = random.Random(seed)
    order = [position % RECORDINGS for position in range(number)]
    chooser.shuffle(order)
    return [
        Submission(
            1,
            1,
            "1.0",
            chooser.choice(pairs[one]),
            duration=40 + one % 3,
            mbid=uuid.UUID(int=1 + one),
        )
        for one in order
    ]


def expected(submissions: Sequence[Submission]) -> Catalogue:
    by_mbid: dict[uuid.UUID | None, list[Submission]] = {}
    for one in submissions:
        by_mbid.setdefault(one.mbid, []).append(one)
    found: Catalogue = {}
    for mbid, some in by_mbid.items():
        assert mbid is not None
        hashes = Counter(one.hashes.tobytes() for one in some)
        found[frozenset(hashes)] = (hashes, Counter({mbid: len(some)}))
    return found


def stored(installation: Installation) -> Catalogue:
    fingerprints: dict[int, Counter[bytes]] = {}
    mbids: dict[int, Counter[uuid.UUID]] = {}
    with installation.parts.databases.fingerprint.reading() as connection:
        rows = connection.execute(
            select(
                track_fingerprint.c.track_id,
                fingerprint.c.hashes,
                track_fingerprint.c.submission_count,
            ).join(fingerprint, fingerprint.c.id == track_fingerprint.c.fingerprint_id)
        )
        for track_id, hashes, count in rows:
            fingerprints.setdefault(track_id, Counter())[bytes(hashes)] += count
        links = connection.execute(
            select(track_mbid.c.track_id, track_mbid.c.mbid, track_mbid.c.submission_count)
        )
        for track_id, mbid, count in links:
            mbids.setdefault(track_id, Counter())[mbid] += count
    assert fingerprints.keys() == mbids.keys()
    catalogue = {frozenset(fingerprints[id]): (fingerprints[id], mbids[id]) for id in mbids}
    assert len(catalogue) == len(mbids), "two tracks have the same fingerprints"
    return catalogue


@contextmanager
def worker(variables: dict[str, str], log: Path) -> Iterator[None]:
    command = [sys.executable, "-m", "fpservice.cli", "worker"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, **variables}, stderr=output)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("workers", "number"), [(1, 1000), (2, 5000)])
def test_tracks_and_counts_are_the_same(
    installation: Installation,
    databases: DatabaseUrls,
    tmp_path: Path,
    workers: int,
    number: int,
) -> None:
    submissions = shuffled(number, seed=workers)
    service = build_submission(installation.parts)
    for start in range(0, number, 100):
        service.submit(submissions[start : start + 100])
    variables = {**environment(databases, tmp_path), "ACOUSTID_WORKER_CONCURRENCY": "2"}
    logs = [tmp_path / f"worker-{one}.log" for one in range(workers)]
    started = time.monotonic()
    with ExitStack() as stack:
        for log in logs:
            stack.enter_context(worker(variables, log))
        while service.pending() and time.monotonic() < started + 240:
            time.sleep(0.1)
    seconds = time.monotonic() - started
    assert service.pending() == 0
    installation.import_all()
    catalogue = stored(installation)
    print(f"{number} submissions, {workers} workers: {len(catalogue)} tracks in {seconds:.0f} s")
    assert catalogue == expected(submissions)
    said = "".join(log.read_text(encoding="utf-8", errors="replace") for log in logs)
    assert "deadlock" not in said
    assert "could not be imported" not in said
    assert build_comparison(installation.parts).differences(lambda number: None) == []
