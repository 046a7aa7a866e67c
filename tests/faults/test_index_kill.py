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
from tests.faults.index_writer import IDS, batch
from tests.index_samples import Contents, apply_to, same_contents

REPOSITORY = Path(__file__).parents[2]


def start(module: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", module, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
    )


def confirmed_until_killed(root: Path, first: int, rng: random.Random) -> list[int]:
    """Return the batches that a writer confirmed, from ``first`` on, before it was killed."""
    writer = start("tests.faults.index_writer", root, first)
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


def settled(index: EmbeddedIndex, contents: Contents, unconfirmed: int) -> Contents:
    """Return what the index holds: all that was confirmed, and a part of the batch after it."""
    changes = batch(unconfirmed)
    found = list(index.fingerprints())
    for taken in range(len(changes) + 1):
        after = apply_to(contents, changes[:taken])
        if same_contents(found, after):
            return after
    raise AssertionError("the index does not hold what was confirmed")


def check_searches(index: EmbeddedIndex, contents: Contents) -> None:
    for number in range(1, IDS + 1, 3):
        known = contents.get(number)
        if known is None:
            assert index.fetch([number]) == []
            continue
        terms = query_terms(known.hashes)
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
    contents: Contents = {}
    first = 0
    for _ in range(10):
        done = confirmed_until_killed(root, first, rng)
        assert done == list(range(first, first + len(done)))
        for number in done:
            contents = apply_to(contents, batch(number))
        first += len(done)
        index = EmbeddedIndex(root, flush_documents=12, merge_in_background=False)
        contents = settled(index, contents, first)
        check_searches(index, contents)
        # Writing repairs the files; then a full check finds nothing wrong.
        index.apply([IndexDelete(IDS + 1)])
        assert list(index.verify()) == []
        assert same_contents(index.fingerprints(), contents)
        index.close()
    assert first > 50
