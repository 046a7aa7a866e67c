"""Candidates of lookups: from PostgreSQL, and from the file that a machine's processes share.

``python -m benchmarks.fingerprint_file [--json]``. What is measured in each round is measured in
all ways by turns, so that whatever else the machine does meets them alike. Figures are medians, in
microseconds of time; those of PostgreSQL include its own and the way there and back.
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final, TypeVar

import click
import numpy as np
from rich.table import Table

from benchmarks.copying import connected, copy_fingerprints
from benchmarks.machine import describe
from benchmarks.synthetic import fingerprints
from benchmarks.tables import console
from fpservice.cache.fingerprints.read_through import ReadThroughSource
from fpservice.cache.fingerprints.shared_file import FingerprintFile
from fpservice.db import migrations
from fpservice.db.engines import open_engine
from fpservice.db.transaction import Database
from fpservice.domain.similarity import Comparison
from fpservice.index.database_source import DatabaseSource
from fpservice.interfaces import Candidates, FingerprintSource, StoredFingerprint
from fpservice.observability.metrics import NullMetrics
from tests.services import PostgresServer

SEED: Final = 1
NUMBER: Final = 10_000
CANDIDATES: Final = 20
ROUNDS: Final = 400
_SIZE: Final = 2**28
_TTL: Final = 86_400.0
_LONG: Final = 65_535
Times = dict[str, list[float]]
T = TypeVar("T")


@contextmanager
def database() -> Iterator[Database]:
    """Yield a database of PostgreSQL with ``NUMBER`` fingerprints."""
    server = PostgresServer.start()
    try:
        url = server.create_database("fingerprint")
        with closing(Database("fingerprint", open_engine(url))) as opened:
            migrations.upgrade(opened)
            with connected(url) as cursor:
                for batch in fingerprints(NUMBER, SEED):
                    copy_fingerprints(cursor, batch)
            yield opened
    finally:
        server.stop()


def measure(source: DatabaseSource, folder: Path) -> dict[str, float]:
    """Return median microseconds by what is done."""
    random = np.random.default_rng(SEED)
    times: Times = {}
    warm, cold = shared(folder / "warm", source), shared(folder / "cold", source)
    # The first time that a process uses a record, it computes the checksum.
    for _ in range(2):
        warm.fetch(range(1, NUMBER + 1))
    for _ in range(ROUNDS):
        ids: list[int] = random.choice(NUMBER, CANDIDATES, replace=False).tolist()
        ids = [one + 1 for one in ids]
        cold.forget(ids)
        [query] = source.fetch(ids[:1])
        for name, one in (
            ("PostgreSQL", source),
            ("file, looked up before", warm),
            ("not in the file yet", cold),
            ("file, just filled", cold),
        ):
            lookup(times, name, one, ids, query)
    return {name: statistics.median(some) for name, some in times.items()}


def lookup(
    times: Times,
    name: str,
    source: FingerprintSource,
    ids: Sequence[int],
    query: StoredFingerprint,
) -> None:
    """Find and compare candidates, and note how long each takes."""
    comparison = Comparison(query.hashes)

    def fetch() -> Candidates:
        return source.candidates(ids, 0, _LONG, CANDIDATES)

    candidates = timed(times, f"{name}: fetch", fetch)
    matches = timed(times, f"{name}: compare", lambda: candidates.matches(comparison, 0.4))
    assert query.id in {match.fingerprint_id for match in matches}


def timed(times: Times, name: str, work: Callable[[], T]) -> T:
    """Return what the work returns, and note how long it takes."""
    start = time.perf_counter_ns()
    result = work()
    times.setdefault(name, []).append((time.perf_counter_ns() - start) / 1000)
    return result


def shared(path: Path, source: DatabaseSource) -> ReadThroughSource:
    """Return what looks into a new file first."""
    metrics = NullMetrics()
    return ReadThroughSource(
        FingerprintFile(path, _SIZE, _TTL, "fingerprint", metrics), source, metrics
    )


def show(figures: dict[str, float]) -> None:
    """Print a table."""
    table = Table(f"{CANDIDATES} candidates", "µs", title="medians")
    for name, middle in figures.items():
        table.add_row(name, f"{middle:,.0f}")
    console.print(table)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the figures alone, as JSON.")
def main(as_json: bool) -> None:
    """Measure and print."""
    machine = describe()
    with database() as opened, tempfile.TemporaryDirectory() as folder:
        figures = measure(DatabaseSource(opened), Path(folder))
    if as_json:
        click.echo(json.dumps({"machine": machine, "figures": figures}, ensure_ascii=False))
        return
    console.print(machine)
    show(figures)


if __name__ == "__main__":
    main()
