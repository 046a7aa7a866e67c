"""Processes that write, merge or rebuild are killed at any moment: nothing confirmed is lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.domain.index_query import query_terms
from fpservice.index import layout, lock
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import Hit, IndexDelete
from tests.faults.index_rebuilder import contents
from tests.faults.index_writer import IDS, batch
from tests.index_samples import Contents, apply_to, same_contents, sample

REPOSITORY = Path(__file__).parents[2]


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def confirmed_until_killed(module: str, root: Path, first: int, rng: random.Random) -> list[int]:
    """Return the numbers that a process confirmed, from ``first`` on, before it was killed."""
    writer = start(module, root, first)
    assert writer.stdout is not None
    begun = writer.stdout.readline()
    time.sleep(rng.uniform(0.0, 0.3))
    if rng.random() < 0.5:
        kill_merge(root)
    writer.send_signal(signal.SIGKILL)
    rest = writer.stdout.read()
    writer.wait(10)
    # A line cut off in the middle was not confirmed.
    return [int(line) for line in (begun + rest).splitlines(keepends=True) if line.endswith("\n")]


def kill_merge(root: Path) -> None:
    """Kill the process that merges, if one does."""
    generation = layout.current_generation(root)
    assert generation is not None
    path = generation / layout.MERGE_LOCK
    if path.exists() and not lock.is_free(path):
        holder = path.read_text().split()
        if holder and int(holder[0]) != os.getpid():
            os.kill(int(holder[0]), signal.SIGKILL)


def settled(index: EmbeddedIndex, before: Contents, unconfirmed: int) -> Contents:
    """Return what the index holds: all that was confirmed, and a part of the batch after it."""
    changes = batch(unconfirmed)
    found = list(index.fingerprints())
    for taken in range(len(changes) + 1):
        after = apply_to(before, changes[:taken])
        if same_contents(found, after):
            return after
    raise AssertionError("the index does not hold what was confirmed")


def check_searches(index: EmbeddedIndex, known: Contents) -> None:
    for number in range(1, IDS + 1, 3):
        one = known.get(number)
        if one is None:
            assert index.fetch([number]) == []
            continue
        terms = query_terms(one.hashes)
        assert index.search(terms, limit=1) == [Hit(number, len(terms))]


@pytest.fixture
def reading(tmp_path: Path) -> Iterator[None]:
    """Have another process read all the time; it must never see anything wrong."""
    stop = tmp_path / "stop"
    reader = start("tests.faults.index_reader", tmp_path / "index", stop)
    yield
    stop.touch()
    output, _ = reader.communicate(timeout=30)
    assert reader.returncode == 0
    assert int(output) > 0


@pytest.mark.usefixtures("reading")
def test_killed_writers_lose_nothing_confirmed(tmp_path: Path) -> None:
    rng = random.Random(20)
    root = tmp_path / "index"
    confirmed: Contents = {}
    first = 0
    for _ in range(10):
        done = confirmed_until_killed("tests.faults.index_writer", root, first, rng)
        assert done == list(range(first, first + len(done)))
        for number in done:
            confirmed = apply_to(confirmed, batch(number))
        first += len(done)
        index = EmbeddedIndex(root, flush_documents=12, merge_in_background=False)
        check_searches(index, settled(index, confirmed, first))
        # The next writer repairs the files, and may find records whole that were not yet shown.
        index.apply([IndexDelete(IDS + 1)])
        assert list(index.verify()) == []
        confirmed = settled(index, confirmed, first)
        check_searches(index, confirmed)
        index.close()
    assert first > 50


def test_a_killed_rebuild_leaves_one_whole_index(tmp_path: Path) -> None:
    rng = random.Random(21)
    root = tmp_path / "index"
    reader = EmbeddedIndex(root)
    version = 0
    for _ in range(8):
        done = confirmed_until_killed("tests.faults.index_rebuilder", root, version, rng)
        assert done == list(range(version, version + len(done)))
        version += len(done)
        found = list(reader.fingerprints())
        # The last one confirmed is in use, or the one that was being put into use.
        assert any(same_contents(found, contents(one)) for one in (version - 1, version))
        before = {one.id: one for one in found}
        index = EmbeddedIndex(root)
        index.apply([sample(1000)])
        assert len(list(root.glob("gen-*"))) == 1
        for one in (index, reader):
            assert same_contents(one.fingerprints(), apply_to(before, [sample(1000)]))
            assert list(one.verify()) == []
