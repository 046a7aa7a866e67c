"""How fast lookups are: ``python -m benchmarks.lookups``, or ``make bench``.

Runs the real service over synthetic fingerprints, and beside it the floor: an empty view behind
the same gunicorn. Both are driven in turn over real sockets; medians of the rounds are shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import load, machine, servers
from benchmarks.answers import Found, form, found
from benchmarks.installation import environment, opened, synthetic
from benchmarks.lookup_tables import show
from benchmarks.servers import Server
from benchmarks.stages import Stages
from benchmarks.synthetic import Query, queries
from fpservice.bootstrap import Parts

OUT: Final = Path(__file__).with_name("out")
SEED: Final = 1
QUERIES: Final = 900
BATCH: Final = 20
HARD_ERRORS: Final = (0.08, 0.16)
_PARALLEL: Final = 16
# The limiter is on, and lets everything through.
_LIMITS: Final = {
    "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
    "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "1000000",
    "ACOUSTID_CLUSTER_RATE_LIMITER_APPLICATION_LIMIT": "1000000",
    "ACOUSTID_CLUSTER_RATE_LIMITER_IP_LIMIT": "1000000",
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Some load; ``share``, if not 0, is the part of the full rate to which it is throttled."""

    name: str
    bodies: Path
    connections: int
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What one round of a scenario gave: requests a second, times in ms, processor ms a request."""

    rate: float
    p50: float
    p95: float
    p99: float
    cpu: float
    failed: int


def run(server: Server, scenario: Scenario, seconds: float, full_rate: float) -> Run:
    """Drive a server for some seconds."""
    pause = scenario.connections / (scenario.share * full_rate) if scenario.share else 0.0
    before = server.cpu_ms()
    measured = load.drive(
        server.port, load.Load(scenario.bodies, scenario.connections, seconds, pause)
    )
    cpu = (server.cpu_ms() - before) / measured.requests
    return Run(measured.rate, measured.p50, measured.p95, measured.p99, cpu, measured.failed)


def median(runs: Sequence[Run]) -> dict[str, float]:
    """Return the median of each figure; of ``failed`` the sum."""
    rows = [asdict(one) for one in runs]
    middle = {name: statistics.median(row[name] for row in rows) for name in rows[0]}
    return {**middle, "failed": sum(row["failed"] for row in rows)}


def drive(
    pair: Sequence[Server], scenarios: Sequence[Scenario], seconds: float, rounds: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return medians by scenario and server."""
    runs: dict[str, dict[str, list[Run]]] = defaultdict(lambda: defaultdict(list))
    full = {server.name: run(server, scenarios[0], 1, 0).rate for server in pair}
    for _ in range(rounds):
        for scenario in scenarios:
            for server in pair:
                one = run(server, scenario, seconds, full[server.name])
                runs[scenario.name][server.name].append(one)
                if not scenario.share and scenario.connections == _PARALLEL:
                    full[server.name] = one.rate
    return {
        scenario: {server: median(some) for server, some in by_server.items()}
        for scenario, by_server in runs.items()
    }


def choose(parts: Parts, size: int, errors: tuple[float, float], unknown: float) -> list[Query]:
    """Return queries for fingerprints chosen at random."""
    ids = np.random.default_rng(SEED).choice(size, min(QUERIES, size), replace=False) + 1
    return queries(parts.source.fetch(ids.tolist()), SEED, errors, unknown)


def scenarios_of(forms: Sequence[str], batches: Sequence[str], folder: Path) -> list[Scenario]:
    """Return what is measured; the files of what is sent are written to ``folder``."""
    singles, twenties = folder / "singles", folder / "batches"
    singles.write_text("\n".join(forms), encoding="ascii")
    twenties.write_text("\n".join(batches), encoding="ascii")
    return [
        Scenario("1 connection", singles, 1),
        Scenario("4 connections", singles, 4),
        Scenario("16 connections", singles, _PARALLEL),
        Scenario("16, half load", singles, _PARALLEL, 0.5),
        Scenario(f"4, batches of {BATCH}", twenties, 4),
    ]


@contextmanager
def running(variables: dict[str, str], folder: Path) -> Iterator[tuple[Server, Server]]:
    """Yield (floor, service)."""
    with ExitStack() as stack:
        floor = stack.enter_context(servers.floor(variables, folder / "floor.log"))
        yield floor, stack.enter_context(servers.service(variables, folder / "service.log"))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Return all figures."""
    directory = synthetic(options.data, options.size, SEED)
    before = machine.describe()
    with opened(directory) as parts:
        asked = choose(parts, options.size, (0.01, 0.08), 0.1)
        hard = choose(parts, options.size, HARD_ERRORS, 0.0)
        forms = [form([query], options.meta) for query in asked]
        stages = Stages(parts, asked, forms).measure()
    batches = [
        form(asked[start : start + BATCH], options.meta)
        for start in range(0, len(asked) - BATCH + 1, BATCH)
    ]
    variables = {
        **environment(directory),
        **_LIMITS,
        "ACOUSTID_GUNICORN_WORKERS": str(options.workers),
        "ACOUSTID_GUNICORN_THREADS": str(options.threads),
    }
    with tempfile.TemporaryDirectory() as name, running(variables, Path(name)) as (floor, service):
        recall = [found(service.port, asked), found(service.port, hard)]
        scenarios = scenarios_of(forms, batches, Path(name))
        driven = drive((floor, service), scenarios, options.seconds, options.rounds)
        memory = service.worker_memory()
    return report(options, before, driven, recall, memory, stages)


def report(
    options: argparse.Namespace,
    before: dict[str, str | float],
    driven: dict[str, dict[str, dict[str, float]]],
    recall: Sequence[Found],
    memory: Sequence[dict[str, float]],
    stages: dict[str, dict[str, float]],
) -> dict[str, Any]:
    """Return the figures in the form in which they are kept."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": before,
        "generator": load.generator(),
        "options": {name: str(value) for name, value in vars(options).items()},
        "load": driven,
        "recall": {"noised": asdict(recall[0]), "8-16 % of bits flipped": asdict(recall[1])},
        "workers_mb": list(memory),
        "stages_us": stages,
    }


def read_options() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.lookups", description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="fingerprints")
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2, help="processes of gunicorn")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--meta", default="", help="what lookups ask for, as recordings")
    parser.add_argument("--data", type=Path, default=OUT / "data", help="for installations")
    parser.add_argument("--json", type=Path, default=OUT / "lookups.json", help="for the figures")
    return parser.parse_args()


def main() -> None:
    """Measure, print, and keep the figures."""
    options = read_options()
    figures = measure(options)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="ascii")
    show(figures)


if __name__ == "__main__":
    main()
