"""How soon a service is ready: ``python -m benchmarks.starting``.

From the start of ``fpservice serve`` to its first good answer on ``/_health_ro``, its database
servers running; with its files in memory, and with those of the index and SQLite only on disk.
"""

from __future__ import annotations

import argparse
import os
import statistics
from typing import Any

from benchmarks import processes, servers, tables
from benchmarks.plan import Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.shapes import Installation


def measure(plan: Plan, shape: str, size: int) -> dict[str, float]:
    """Return seconds: ``warm`` and ``cold``, medians of the rounds.

    ``cpu`` is the processor time until then of the service's own processes.
    """
    installed = plan.installation(shape, size)
    times: dict[str, list[float]] = {"warm": [], "cold": []}
    cpu: list[float] = []
    with folder() as path, installed.started() as variables:
        environment = {**variables, **plan.gunicorn()}
        with servers.service(environment, path / "service.log"):
            pass
        for _ in range(plan.rounds):
            for kind, some in times.items():
                if kind == "cold":
                    forget(installed)
                with servers.service(environment, path / "service.log") as server:
                    some.append(server.started)
                    own = processes.cpu_ms(server.pid, with_servers=False)
                    cpu.append(sum(own.values()) / 1000)
    middles = {kind: statistics.median(some) for kind, some in times.items()}
    return {"size": size, **middles, "cpu": statistics.median(cpu)}


def forget(installed: Installation) -> None:
    """Ask the system to drop the installation's files from memory."""
    os.sync()
    for path in installed.directory.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.starting", description=__doc__)
    add_options(parser)
    plan = read_plan(parser.parse_args())
    figures: dict[str, Any] = circumstances(plan)
    starts = figures["starting"] = {
        shape: measure(plan, shape, max(plan.sizes)) for shape in plan.shapes
    }
    keep("starting", figures)
    tables.circumstances(figures)
    tables.starting(starts)


if __name__ == "__main__":
    main()
