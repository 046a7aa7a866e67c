"""What the kernels take, in numpy and in C: ``python -m benchmarks.kernels [--json]``.

Every step is measured with both, by turns and in one process, so that whatever else the machine
does meets both alike. A figure is the lower quartile, in microseconds of processor time.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.synthetic import MAX_HASHES, Query, fingerprints, queries
from fpservice import kernels
from fpservice.domain.fingerprint import Hashes, decode, encode
from fpservice.domain.index_query import query_terms
from fpservice.domain.matching import SearchPolicy
from fpservice.domain.similarity import Comparison
from fpservice.index.builder import IndexBuilder
from fpservice.index.embedded import EmbeddedIndex
from fpservice.interfaces import StoredFingerprint
from fpservice.observability.metrics import NullMetrics
from fpservice.services.search import FingerprintSearch

NAMES: Final[tuple[kernels.Name, ...]] = get_args(kernels.Name)
SEED: Final = 1
CANDIDATES: Final = 20
HITS: Final = 100
MAX_DIFFERENCE: Final = 7
_QUERIES: Final = 200
_ROUNDS: Final = 9
_PERCENTILE: Final = 25
# So many newest changes wait for their segment: half of what an index lets wait.
_CHANGES: Final = 500


@dataclass(slots=True)
class Step:
    """Something to measure: ``work`` for each of the inputs."""

    name: str
    work: Callable[[Any], object]
    inputs: Sequence[Any]
    times: dict[str, list[float]] = field(default_factory=dict)

    def run(self, kernel: kernels.Name) -> None:
        """Do all inputs once."""
        times = self.times.setdefault(kernel, [])
        for one in self.inputs:
            start = time.thread_time()
            self.work(one)
            times.append(time.thread_time() - start)

    def figure(self, kernel: str) -> float:
        """Return microseconds."""
        return float(np.percentile(self.times[kernel], _PERCENTILE)) * 1e6


def measure(sizes: Sequence[int], folder: Path) -> dict[str, dict[str, float]]:
    """Return the microseconds of each step with each kind of kernels.

    Indexes of these numbers of fingerprints are kept in the folder, and built if not there.
    """
    steps = {name: list(_fingerprint_steps()) for name in NAMES}
    with ExitStack() as stack:
        for size in sizes:
            path = folder / f"index-{size}-{SEED}"
            _build(path, size)
            stored = _stored(path)
            for name in NAMES:
                index = stack.enter_context(_opened(path, name))
                steps[name] += _index_steps(index, size, stored)
        _alternate(steps)
    return {
        numpy.name: {"numpy": numpy.figure("numpy"), "native": native.figure("native")}
        for numpy, native in zip(steps["numpy"], steps["native"], strict=True)
    }


def _alternate(steps: dict[kernels.Name, list[Step]]) -> None:
    for _ in range(_ROUNDS):
        for number in range(len(steps["numpy"])):
            for name in NAMES:
                with kernels.using(name):
                    steps[name][number].run(name)


def _fingerprint_steps() -> Iterator[Step]:
    long = [
        one.hashes
        for batch in fingerprints(2_000, SEED)
        for one in batch
        if len(one.hashes) == MAX_HASHES
    ][:_QUERIES]
    yield Step(f"decode {MAX_HASHES} hashes", decode, [encode(hashes) for hashes in long])
    yield Step(f"encode {MAX_HASHES} hashes", encode, long)
    yield Step("query terms", query_terms, long)
    for true in (0, CANDIDATES // 2, CANDIDATES):
        inputs = [_candidates(long, place, true) for place in range(0, _QUERIES, 10)]
        yield Step(f"compare {CANDIDATES}, {true} true", _compare, inputs)


def _candidates(all_of: Sequence[Hashes], place: int, true: int) -> tuple[Hashes, list[Hashes]]:
    """Return a query and candidates; the true ones differ from it in 4 % of their bits."""
    random = np.random.default_rng([SEED, place])
    query = all_of[place]
    others = [all_of[(place + step) % len(all_of)] for step in range(1, CANDIDATES + 1 - true)]
    noisy = []
    for _ in range(true):
        flips = np.packbits(random.random((len(query), 32)) < 0.04, axis=1).view(np.uint32)
        noisy.append(query ^ flips.ravel())
    return query, [*noisy, *others]


def _compare(pair: tuple[Hashes, list[Hashes]]) -> object:
    return Comparison(pair[0]).scores(pair[1])


def _index_steps(
    index: EmbeddedIndex, size: int, stored: Sequence[StoredFingerprint]
) -> Iterator[Step]:
    asked = queries(stored, SEED)
    terms = [query_terms(one.hashes) for one in asked]
    search = FingerprintSearch(
        index, index, SearchPolicy(hits=HITS, candidates=CANDIDATES), NullMetrics()
    )
    found = [
        (one, [hit.fingerprint_id for hit in index.search(some, limit=HITS)])
        for one, some in zip(asked, terms, strict=True)
    ]
    label = f"{size:,} fingerprints"
    yield Step(f"index search, {label}", lambda one: index.search(one, limit=HITS), terms)
    yield Step(f"fetch all hits, {label}", lambda one: index.fetch(one[1]), found)
    yield Step(f"fetch + compare, {label}", lambda one: _fetch_and_compare(index, *one), found)
    yield Step(f"the whole search, {label}", lambda one: _find(search, one), asked)


def _fetch_and_compare(index: EmbeddedIndex, query: Query, ids: list[int]) -> object:
    low, high = query.duration - MAX_DIFFERENCE, query.duration + MAX_DIFFERENCE
    candidates = index.candidates(ids, max(low, 0), high, CANDIDATES)
    return candidates.matches(Comparison(query.hashes), 0.4)


def _find(search: FingerprintSearch, query: Query) -> object:
    return search.find(query.hashes, query.duration, MAX_DIFFERENCE)


def _build(path: Path, size: int) -> None:
    if path.exists():
        return
    with IndexBuilder(path) as builder:
        for batch in fingerprints(size, SEED):
            builder.add(batch)
        builder.commit(list)
    changes = [
        StoredFingerprint(size + one.id, one.duration, one.hashes)
        for batch in fingerprints(_CHANGES, SEED + 1)
        for one in batch
    ]
    index = EmbeddedIndex(path)
    index.apply(changes)
    index.close()


def _stored(path: Path) -> list[StoredFingerprint]:
    index = EmbeddedIndex(path)
    number = index.status().fingerprints - _CHANGES
    ids = np.random.default_rng(SEED).choice(number, min(_QUERIES, number), replace=False) + 1
    return index.fetch(ids.tolist())


@contextmanager
def _opened(path: Path, kernel: kernels.Name) -> Iterator[EmbeddedIndex]:
    """Yield an index that was opened with these kernels and keeps them."""
    index = EmbeddedIndex(path)
    with kernels.using(kernel):
        index.warm()
    yield index
    index.close()


@click.command()
@click.option("--size", "sizes", type=int, multiple=True, default=[100_000], show_default=True)
@click.option("--data", type=click.Path(path_type=Path), help="Keep the indexes here.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def main(sizes: tuple[int, ...], data: Path | None, as_json: bool) -> None:
    """Measure the kernels with indexes of these numbers of synthetic fingerprints."""
    with tempfile.TemporaryDirectory() as temporary:
        figures = measure(sizes, data or Path(temporary))
    if as_json:
        click.echo(json.dumps(figures, indent=1))
        return
    table = Table("step", "numpy µs", "native µs", "times", box=None)
    for name, row in figures.items():
        times = row["numpy"] / row["native"]
        table.add_row(name, f"{row['numpy']:.1f}", f"{row['native']:.1f}", f"{times:.1f}")
    Console().print(table)


if __name__ == "__main__":
    main()
