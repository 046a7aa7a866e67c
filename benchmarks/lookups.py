"""How fast lookups are: ``python -m benchmarks.lookups``.

Runs the real service over synthetic fingerprints, and beside it the floor: an empty view behind
the same gunicorn. Both are driven in turn over real sockets; medians of the rounds are shown.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks import driving, forms, processes, servers, stages, tables
from benchmarks.driving import PARALLEL, Scenario
from benchmarks.plan import Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.servers import Server
from benchmarks.shapes import PRODUCTION, SEED, Installation
from benchmarks.synthetic import Query, queries, sample

QUERIES: Final = 900
_QUICK_QUERIES: Final = 300
BATCH: Final = 20
BATCHES: Final = f"4, batches of {BATCH}"
NOISED: Final = "noised"
HARD: Final = "8-16 % of bits flipped"
_ERRORS: Final = {NOISED: (0.01, 0.08), HARD: (0.08, 0.16)}
META: Final = "recordings"
# Kinds of loads, and what their names begin with.
PLAIN: Final = ""
NAMED: Final = f"meta={META}, "


def measure(plan: Plan, shape: str, size: int) -> dict[str, Any]:
    """Return all figures of lookups in one installation."""
    installed = plan.installation(shape, size)
    with folder() as path, installed.started() as variables:
        environment = {**variables, **plan.gunicorn()}
        number = _QUICK_QUERIES if plan.quick else QUERIES
        asked = choose(size, NOISED, 0.1, number)
        scenarios = scenarios_of(asked, path, with_names=shape == PRODUCTION)
        with running(environment, path) as (floor, service):
            recall = {
                NOISED: asdict(forms.found(service.port, asked)),
                HARD: asdict(forms.found(service.port, choose(size, HARD, 0.0, number))),
            }
            driven = driving.drive((floor, service), scenarios, plan.seconds, plan.rounds)
            memory = {
                part: [asdict(one) for one in some]
                for part, some in processes.memory(service.pid).items()
            }
        times = {
            one.kind or "plain": stages.measure(
                environment, one.requests, plan.seconds, path / "stages.log"
            )
            for one in scenarios
            if one.connections == 1
        }
    return {
        "load": driven,
        "recall": recall,
        "memory_mb": memory,
        "stages_ms": times,
        "disk": disk(installed),
    }


def choose(size: int, errors: str, unknown: float, number: int = QUERIES) -> list[Query]:
    """Return queries for ``number`` fingerprints; ``unknown`` of the queries nobody knows."""
    return queries(sample(size, SEED, number), SEED, _ERRORS[errors], unknown)


def scenarios_of(asked: Sequence[Query], path: Path, *, with_names: bool) -> list[Scenario]:
    """Return what is measured; what is sent is written to files in ``path``."""
    singles = forms.write(path / "singles", (forms.lookup([query], "") for query in asked))
    batches = forms.write(
        path / "batches",
        (
            forms.lookup(asked[start : start + BATCH], "")
            for start in range(0, len(asked) - BATCH + 1, BATCH)
        ),
    )
    found = _numbers(PLAIN, singles)
    found.append(Scenario(BATCHES, batches, 4, kind="batch"))
    if with_names:
        named = forms.write(path / "named", (forms.lookup([query], META) for query in asked))
        found += _numbers(NAMED, named)
    return found


def _numbers(kind: str, requests: Path) -> list[Scenario]:
    return [
        Scenario(f"{kind}1 connection", requests, 1, kind=kind),
        Scenario(f"{kind}4 connections", requests, 4, kind=kind),
        Scenario(f"{kind}16 connections", requests, PARALLEL, kind=kind),
        Scenario(f"{kind}16, half load", requests, PARALLEL, 0.5, kind),
    ]


@contextmanager
def running(variables: Mapping[str, str], path: Path) -> Iterator[tuple[Server, Server]]:
    """Yield (floor, service)."""
    with (
        servers.floor(variables, path / "floor.log") as floor,
        servers.service(variables, path / "service.log") as service,
    ):
        yield floor, service


def disk(installed: Installation) -> dict[str, float]:
    """Return bytes a fingerprint: of the index's files, fingerprints included, and of all."""
    files = {path: path.stat().st_size for path in installed.directory.rglob("*") if path.is_file()}
    index = sum(size for path, size in files.items() if path.is_relative_to(installed.index))
    return {"index": index / installed.size, "all": sum(files.values()) / installed.size}


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.lookups", description=__doc__)
    add_options(parser)
    plan = read_plan(parser.parse_args())
    figures: dict[str, Any] = circumstances(plan)
    lookups = figures["lookups"] = {shape: {} for shape in plan.shapes}
    for shape in plan.shapes:
        for size in plan.sizes:
            lookups[shape][str(size)] = measure(plan, shape, size)
            keep("lookups", figures)
    tables.circumstances(figures)
    tables.lookups(lookups)


if __name__ == "__main__":
    main()
