"""What is measured and how long: the options that all measurements share."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final

from benchmarks import kernel_choice, load, machine
from benchmarks.shapes import SHAPES, Installation, installation

OUT: Final = Path(__file__).with_name("out")
SMALL: Final = 100_000
LARGE: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """``seconds`` of each run; ``threads`` and ``kernels`` None: as the service has them."""

    shapes: tuple[str, ...] = SHAPES
    sizes: tuple[int, ...] = (10_000, SMALL, LARGE)
    seconds: float = 5.0
    rounds: int = 3
    workers: int = 2
    threads: int | None = None
    kernels: str | None = None
    data: Path = OUT / "data"
    quick: bool = False

    def installation(self, shape: str, size: int) -> Installation:
        """Return the installation, made if need be."""
        return installation(self.data, shape, size)

    def gunicorn(self) -> dict[str, str]:
        """Return the variables that say how many processes and threads answer, and with what."""
        threads = {} if self.threads is None else {"ACOUSTID_GUNICORN_THREADS": str(self.threads)}
        workers = {"ACOUSTID_GUNICORN_WORKERS": str(self.workers)}
        return {**workers, **threads, **kernel_choice.variables(self.kernels)}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a plan."""
    parser.add_argument(
        "--quick", action="store_true", help="100,000 fingerprints, one short round"
    )
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--sizes", nargs="+", type=int, help="numbers of fingerprints")
    parser.add_argument("--seconds", type=float, help="of each run")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--workers", type=int, help="gunicorn's processes")
    parser.add_argument("--threads", type=int, help="of each process; else as configured")
    parser.add_argument("--kernels", choices=kernel_choice.CHOICES, help="else what there is")
    parser.add_argument("--data", type=Path, default=OUT / "data", help="for what is generated")


def read_plan(options: argparse.Namespace) -> Plan:
    """Return the plan that the options describe."""
    plan = Plan(quick=True, sizes=(SMALL,), seconds=1.0, rounds=1) if options.quick else Plan()
    given = ("seconds", "rounds", "workers", "threads", "kernels", "data")
    changes = {name: getattr(options, name) for name in given}
    changes = {name: value for name, value in changes.items() if value is not None}
    sizes = tuple(options.sizes) if options.sizes else plan.sizes
    return replace(plan, shapes=tuple(options.shapes), sizes=sizes, **changes)


def circumstances(plan: Plan) -> dict[str, Any]:
    """Return when, where and how it is measured, to be kept beside the figures."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "generator": load.generator(),
        "kernels": kernel_choice.in_use(plan.gunicorn()),
        "seconds": plan.seconds,
        "rounds": plan.rounds,
        "workers": plan.workers,
        "threads": plan.threads,
        "quick": plan.quick,
    }


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Write figures to ``benchmarks/out`` and return the file."""
    path = OUT / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    os.replace(unfinished, path)
    return path


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder for logs and requests; if something fails it is kept, and named.

    From then on SIGTERM ends this process in order, so that no server stays behind.
    """
    signal.signal(signal.SIGTERM, _leave)
    path = Path(tempfile.mkdtemp(prefix="fpservice-bench-"))
    try:
        yield path
    except BaseException as error:
        error.add_note(f"logs are in {path}")
        raise
    shutil.rmtree(path)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)
