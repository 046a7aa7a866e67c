"""Several processes share one index: what one writes, all others find at once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fpservice.index.builder import IndexBuilder
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import IndexDelete
from tests.index_samples import sample, samples

# Tells, for each id it reads, when it first found it, by searching and fetching all the time.
READER = """
import sys, time
from fpservice.domain.index_query import query_terms
from fpservice.index.embedded import EmbeddedIndex
from tests.index_samples import sample, same
index = EmbeddedIndex(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    wanted = sample(*map(int, line.split()))
    terms = query_terms(wanted.hashes)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        found = index.fetch([wanted.id])
        hits = index.search(terms, limit=1)
        if found and hits and same(found[0], wanted) and hits[0].hits == len(terms):
            break
        time.sleep(0.001)
    print(time.monotonic(), flush=True)
"""


class Reader:
    """A process that reads."""

    def __init__(self, root: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", READER, str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self.line() == "ready\n"

    def look_for(self, fingerprint_id: int, version: int = 0) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{fingerprint_id} {version}\n")
        self.process.stdin.flush()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()


@pytest.fixture
def readers(tmp_path: Path) -> Iterator[list[Reader]]:
    """Two processes that read an index which is not there yet."""
    started = [Reader(tmp_path / "index") for _ in range(2)]
    yield started
    for reader in started:
        reader.process.kill()
        reader.process.communicate()


def test_a_new_fingerprint_is_found_by_all_within_a_second(
    tmp_path: Path, readers: list[Reader]
) -> None:
    index = EmbeddedIndex(tmp_path / "index", flush_documents=10, max_segments=2)
    delays = []
    for number in range(1, 60):
        for reader in readers:
            reader.look_for(number, number % 3)
        index.apply([sample(number, number % 3), sample(1000 + number), IndexDelete(990 + number)])
        written = time.monotonic()
        delays += [float(reader.line()) - written for reader in readers]
    assert max(delays) < 1.0
    assert sorted(delays)[len(delays) // 2] < 0.1
    assert list(index.verify()) == []


def test_a_rebuilt_index_is_found_by_all_within_a_second(
    tmp_path: Path, readers: list[Reader]
) -> None:
    index = EmbeddedIndex(tmp_path / "index")
    for version in range(4):
        for reader in readers:
            reader.look_for(7, version)
        with IndexBuilder(tmp_path / "index") as builder:
            builder.add(samples(range(1, 30), version))
            builder.commit()
        # A writer that comes right behind it writes where readers look.
        index.apply([sample(100, version)])
        written = time.monotonic()
        assert all(float(reader.line()) - written < 1.0 for reader in readers)
        for reader in readers:
            reader.look_for(100, version)
            assert float(reader.line()) - time.monotonic() < 1.0
