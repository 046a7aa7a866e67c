"""Processes that write, merge or rebuild are killed at any moment: nothing confirmed is lost."""

from __future__ import annotations

import contextlib
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
from fpservice.index import layout, lock, verify
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.reader import IndexReader
from fpservice.index.record import MAX_DURATION
from fpservice.index.snapshot import Snapshot
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
    if not path.exists() or lock.is_free(path):
        return
    # The merge may end at any moment, and its lock may name the one who held it before.
    with contextlib.suppress(ProcessLookupError, FileNotFoundError, IndexError):
        holder = int(path.read_text().split()[0])
        command = Path(f"/proc/{holder}/cmdline").read_bytes()
        if b"fpservice.index.merge" in command and str(root).encode() in command:
            os.kill(holder, signal.SIGKILL)


def checked(root: Path, before: Contents, unconfirmed: int) -> Contents:
    """Return what the index holds: all that was confirmed, and a part of the batch after it.

    All is looked at in one moment: a merge that outlives the writer may repair the files at any
    time, and then shows whole records that the writer had not yet shown.
    """
    snapshot = IndexReader(root).snapshot()
    assert snapshot is not None
    found = list(verify.fingerprints(snapshot))
    changes = batch(unconfirmed)
    possible = [apply_to(before, changes[:taken]) for taken in range(len(changes) + 1)]
    held = next((one for one in possible if same_contents(found, one)), None)
    assert held is not None, "the index does not hold what was confirmed"
    check_searches(snapshot, held)
    return held


def check_searches(snapshot: Snapshot, held: Contents) -> None:
    for number in range(1, IDS + 1, 3):
        one = held.get(number)
        if one is None:
            assert snapshot.fetch([number], 0, MAX_DURATION) == []
            continue
        terms = query_terms(one.hashes)
        hits = snapshot.search(terms, 1, 1, 0, time.monotonic() + 5)
        assert hits == [Hit(number, len(terms))]


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
        checked(root, confirmed, first)
        # The next writer repairs the files.
        index = EmbeddedIndex(root, flush_documents=12, merge_in_background=False)
        index.apply([IndexDelete(IDS + 1)])
        assert list(index.verify()) == []
        confirmed = checked(root, confirmed, first)
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
