"""Mixed load for ten minutes: ``python -m benchmarks.mixed``.

Nine lookups to one submission, with the importer running, at 70 % of what the service was measured
to do. Every ten seconds: answers, errors, times, the memory of each process, and what waits.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks import forms, load, plots, processes, servers, tables
from benchmarks.driving import PARALLEL
from benchmarks.installation import opened
from benchmarks.load import Load, Measured
from benchmarks.lookups import NOISED, choose
from benchmarks.plan import SMALL, Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.servers import Server
from benchmarks.shapes import Installation
from benchmarks.writes import distinct, lines, waiting
from fpservice.bootstrap import Parts

SHARE: Final = 0.7
SUBMISSIONS: Final = 0.1
_WINDOW: Final = 10.0
_SUBMITTERS: Final = 4


@dataclass(frozen=True, slots=True)
class _Mix:
    """Files of lookups and of submissions, one file of these for each window, and a rate."""

    lookups: Path
    submissions: Sequence[Path]
    rate: float

    def loads(self, window: int, answer: float) -> tuple[Load, Load]:
        """Return what is sent in a window; ``answer``, seconds, is what an answer takes."""
        kinds = (
            (self.lookups, PARALLEL, 1 - SUBMISSIONS),
            (self.submissions[window], _SUBMITTERS, SUBMISSIONS),
        )
        lookups, submissions = (
            Load(path, connections, _WINDOW, max(connections / (self.rate * part) - answer, 0.001))
            for path, connections, part in kinds
        )
        return lookups, submissions


def measure(plan: Plan, shape: str, seconds: float, size: int = SMALL) -> dict[str, Any]:
    """Return the ``ceiling`` and the figures of each of the ``windows``."""
    with (
        folder() as path,
        plan.installation(shape, size).copied() as copied,
        copied.started() as variables,
    ):
        environment = {**variables, **plan.gunicorn()}
        asked = choose(size, NOISED, 0.1)
        lookups = forms.write(path / "lookups", (forms.lookup([one], "") for one in asked))
        ceiling, answer = _ceiling(plan, environment, path, copied, lookups)
        windows = math.ceil(seconds / _WINDOW)
        mix = _Mix(lookups, _submissions(path, copied, windows, ceiling), SHARE * ceiling)
        with (
            opened(variables) as parts,
            servers.service(environment, path / "service.log") as service,
        ):
            shown = list(_windows(service, parts, mix, windows, answer))
    return {"ceiling": ceiling, "rate": mix.rate, "window_seconds": _WINDOW, "windows": shown}


def _ceiling(
    plan: Plan, environment: Mapping[str, str], path: Path, copied: Installation, lookups: Path
) -> tuple[float, float]:
    """Return mixed requests a second, as fast as they go, and seconds to an answer unhindered."""
    asked = lookups.read_text(encoding="ascii").splitlines()
    submitted = lines(distinct(copied, 1000, 50), 10**7)
    mixed = [
        submitted[place // 10 % len(submitted)] if place % 10 == 9 else asked[place % len(asked)]
        for place in range(10 * len(submitted))
    ]
    requests = forms.write(path / "mixed", mixed)
    with servers.service(environment, path / "ceiling.log") as service:
        load.drive(service.port, Load(requests, PARALLEL, 1))
        full = load.drive(service.port, Load(requests, PARALLEL, 2 * plan.seconds, first=2000))
        alone = load.drive(service.port, Load(lookups, 1, 1))
    return full.rate, alone.p50 / 1000


def _submissions(path: Path, copied: Installation, windows: int, ceiling: float) -> list[Path]:
    """Write what is submitted in each window, a little more than will be."""
    number = max(20, round(1.3 * SUBMISSIONS * SHARE * ceiling * _WINDOW))
    return [
        forms.write(
            path / f"submissions-{window}",
            lines(distinct(copied, number, 60 + window), 10**8 + number * window),
        )
        for window in range(windows)
    ]


def _windows(
    service: Server, parts: Parts, mix: _Mix, windows: int, answer: float
) -> Iterator[dict[str, Any]]:
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        for window in range(windows):
            loads = mix.loads(window, answer)
            lookups, submissions = pool.map(load.drive, [service.port] * 2, loads)
            left, changes = waiting(parts)
            yield {
                "time": time.monotonic() - began,
                "lookups": _shown(lookups),
                "submissions": _shown(submissions),
                "waiting": {"submissions": left, "index changes": changes},
                "memory_mb": {
                    part: {"processes": len(some), "pss": [round(one.pss, 1) for one in some]}
                    for part, some in processes.memory(service.pid).items()
                },
            }


def _shown(measured: Measured) -> dict[str, float]:
    return {
        "rate": measured.rate,
        "failed": measured.failed,
        "p50": measured.p50,
        "p95": measured.p95,
        "p99": measured.p99,
    }


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.mixed", description=__doc__)
    add_options(parser)
    parser.add_argument("--duration", type=float, help="seconds of each shape, else 600")
    parser.add_argument("--plots", type=Path, help="folder for the plot")
    options = parser.parse_args()
    plan = read_plan(options)
    seconds = options.duration or (20.0 if plan.quick else 600.0)
    figures: dict[str, Any] = circumstances(plan)
    mixed: dict[str, Any] = {}
    figures["mixed"] = mixed
    for shape in plan.shapes:
        mixed[shape] = measure(plan, shape, seconds)
        keep("mixed", figures)
    tables.circumstances(figures)
    tables.mixed(mixed)
    if options.plots:
        plots.mixed(mixed, options.plots)


if __name__ == "__main__":
    main()
