"""How long a dump takes, index included: ``python -m benchmarks.bulk``.

``fpservice import-dump --index-at-end`` of a generated dump into an empty installation.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from benchmarks import processes, tables
from benchmarks.dump import dump
from benchmarks.installation import opened
from benchmarks.plan import LARGE, Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.servers import outside
from benchmarks.shapes import empty

_ROOT: Final = Path(__file__).parents[1]
_TIME_LIMIT: Final = 2 * 3600
_QUICK: Final = 10_000


def measure(plan: Plan, shape: str) -> dict[str, Any]:
    """Return ``seconds``, ``size``, ``minutes_a_million``, and processor seconds by part."""
    size = _QUICK if plan.quick else LARGE
    files = dump(plan.data, size)
    with folder() as path, empty(plan.data, shape) as made, made.started() as variables:
        environment = {**outside(), **variables, **plan.gunicorn()}
        command = [sys.executable, "-m", "fpservice.cli", "import-dump", "--index-at-end"]
        command += ["--rejects", str(path / "rejects"), str(files)]
        began, before = time.monotonic(), _cpu()
        with (path / "import.log").open("wb") as log:
            subprocess.run(
                command,
                cwd=_ROOT,
                env=environment,
                stdout=log,
                stderr=log,
                check=True,
                timeout=_TIME_LIMIT,
            )
        seconds, after = time.monotonic() - began, _cpu()
        with opened(variables) as parts:
            there = parts.index.status().fingerprints
    if there != size:
        raise RuntimeError(f"the index has {there} of {size} fingerprints")
    return {
        "size": size,
        "seconds": seconds,
        "minutes_a_million": seconds / 60 * LARGE / size,
        "cpu_s": {part: after[part] - before.get(part, 0.0) for part in after},
        "dump_mb": sum(file.stat().st_size for file in files.iterdir()) / 2**20,
    }


def _cpu() -> dict[str, float]:
    """Return processor seconds: of children that ended, and of the servers."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    servers = {part: ms / 1000 for part, ms in processes.servers_cpu_ms().items()}
    return {"import": ended.ru_utime + ended.ru_stime, **servers}


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.bulk", description=__doc__)
    add_options(parser)
    plan = read_plan(parser.parse_args())
    figures: dict[str, Any] = circumstances(plan)
    bulk = figures["bulk"] = {shape: measure(plan, shape) for shape in plan.shapes}
    keep("bulk", figures)
    tables.circumstances(figures)
    tables.bulk(bulk)


if __name__ == "__main__":
    main()
