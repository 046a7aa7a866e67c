"""Processes that share a file of fingerprints are killed, and the file is taken from them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fpservice.cache.fingerprints.file_format import name_of
from fpservice.cache.fingerprints.mapped_file import MappedFile
from tests.counted_metrics import CountedMetrics
from tests.faults.fingerprint_sharer import IDS, VersionedSource, Versions, version_of
from tests.faults.small_disk import small_disk
from tests.shared_fingerprints import NAME, opened

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("stored", "given-up"):
        Versions(tmp_path / name).begin()
    return tmp_path


@contextmanager
def sharer(doing: str, folder: Path, seconds: float, seed: int) -> Iterator[subprocess.Popen[str]]:
    """Run a process that is ready when the block begins."""
    command = [sys.executable, "-m", "tests.faults.fingerprint_sharer"]
    process = subprocess.Popen(
        [*command, doing, str(folder), str(seconds), str(seed)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "begins\n"
        yield process
    finally:
        process.kill()
        process.wait(10)


def done(process: subprocess.Popen[str]) -> int:
    """Return how often a process did what it does, when it ends by itself."""
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return int(output)


def all_is_right(folder: Path) -> None:
    """Check what a new process finds, and that it finds it in the file the second time."""
    database = VersionedSource(Versions(folder / "stored"))
    source = opened(folder / "shared" / "file", database)
    stored, least = Versions(folder / "stored").read(), Versions(folder / "given-up").read()
    for _ in range(2):
        for one in source.fetch(range(1, IDS + 1)):
            assert least[one.id] <= version_of(one) <= stored[one.id]


def test_several_processes_at_once(folder: Path) -> None:
    with (
        sharer("look-up", folder, 2.0, 1) as first,
        sharer("look-up", folder, 2.0, 2) as second,
        sharer("replace", folder, 2.0, 3) as replacing,
    ):
        assert done(first) > 50
        assert done(second) > 50
        assert done(replacing) > 20
    all_is_right(folder)


def test_processes_are_killed_at_any_moment(folder: Path) -> None:
    rng = random.Random(11)
    with sharer("look-up", folder, 8.0, 1) as survivor:
        for round in range(8):
            doing = "replace" if round % 2 else "look-up"
            with sharer(doing, folder, 60.0, round) as killed:
                time.sleep(rng.uniform(0.01, 0.4))
                killed.send_signal(signal.SIGKILL)
                killed.wait(10)
            all_is_right(folder)
        assert done(survivor) > 50


def test_the_file_is_taken_away_again_and_again(folder: Path) -> None:
    path = folder / "shared" / "file"
    with (
        sharer("look-up", folder, 2.0, 1) as looking,
        sharer("replace", folder, 2.0, 2) as replacing,
    ):
        while looking.poll() is None:
            path.unlink(missing_ok=True)
            time.sleep(0.01)
        assert done(looking) > 20
        assert done(replacing) > 20
    all_is_right(folder)


def test_a_disk_that_fills_up(folder: Path) -> None:
    processes = [os.getpid()]
    with small_disk(folder / "shared") as disk:
        # Once with a file that is there, and once without any.
        for begun in (True, False):
            path = folder / "shared" / "file"
            path.unlink(missing_ok=True)
            metrics = CountedMetrics()
            database = VersionedSource(Versions(folder / "stored"))
            source = opened(path, database, metrics)
            if begun:
                source.fetch([1])
            disk.fill(64 << 10 if begun else 0, processes)
            for _ in range(2):
                found = source.fetch(range(1, IDS + 1))
                assert [version_of(one) for one in found] == [0] * IDS
            disk.clear(processes)
            assert metrics.counts["cache.errors.fingerprints.file"] > 0
            all_is_right(folder)


def test_a_child_reads_what_its_parent_has_mapped(folder: Path) -> None:
    all_is_right(folder)
    database = VersionedSource(Versions(folder / "stored"))
    source = opened(folder / "shared" / "file", database)
    source.fetch([1, 2])
    child = os.fork()
    if not child:
        source.fetch([1, 2, 3])
        os._exit(0 if not database.asked else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert MappedFile(folder / "shared" / "file", name_of(NAME)).changes == 0
