"""Lookups while the index is written and merged: ``python -m benchmarks.merging``.

Many new fingerprints wait for the index of a copied installation. Lookups run at half of what the
service can do: first alone, then while a worker writes all of it and segments are merged.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert

from benchmarks import copying, forms, load, processes, servers, tables
from benchmarks.driving import PARALLEL
from benchmarks.installation import opened
from benchmarks.load import Load, Measured
from benchmarks.lookups import NOISED, choose
from benchmarks.plan import SMALL, Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.servers import Server
from benchmarks.shapes import PRODUCTION, SEED
from benchmarks.synthetic import fingerprints
from benchmarks.writes import waiting
from fpservice.bootstrap import Parts
from fpservice.db.fingerprint.tables import fingerprint, index_change
from fpservice.domain.fingerprint import to_bytes
from fpservice.interfaces import StoredFingerprint

_WINDOW: Final = 2.0
_QUIET_WINDOWS: Final = 10
# Windows without anything to be written or merged, after which it is over.
_CALM: Final = 2
_TIME_LIMIT: Final = 3600.0


def measure(plan: Plan, shape: str, added: int | None = None) -> dict[str, Any]:
    """Return ``quiet``, ``busy`` (percentiles of all windows together), and the windows.

    ``added`` is how many fingerprints are written to an index of 100,000; None: so many again.
    """
    number = added or (2_000 if plan.quick else SMALL)
    with (
        folder() as path,
        plan.installation(shape, SMALL).copied() as copied,
        copied.started() as variables,
    ):
        environment = {**variables, **plan.gunicorn()}
        with opened(variables) as parts:
            queue(parts, fingerprints(number, SEED + 1, SMALL + 1), shape == PRODUCTION)
        asked = choose(SMALL, NOISED, 0.1)
        requests = forms.write(path / "requests", (forms.lookup([one], "") for one in asked))
        with (
            opened(variables) as parts,
            servers.service(environment, path / "service.log", worker=False) as service,
        ):
            half = _half_load(service, requests, plan.seconds)
            windows = 2 if plan.quick else _QUIET_WINDOWS
            quiet = [load.drive(service.port, half) for _ in range(windows)]
            began = time.monotonic()
            busy = list(_until_calm(parts, service, half, environment, path))
    return {
        "added": number,
        "seconds": time.monotonic() - began,
        "quiet": _shown(quiet),
        "busy": _shown(busy),
        "windows": {"seconds": _WINDOW, "quiet": _p99(quiet), "busy": _p99(busy)},
    }


def queue(
    parts: Parts, batches: Iterable[Sequence[StoredFingerprint]], is_postgresql: bool
) -> None:
    """Store fingerprints without tracks, and queue them for the index."""
    for batch in batches:
        if is_postgresql:
            _copy(parts.config.fingerprint_url, batch)
            continue
        with parts.databases.fingerprint.writing() as connection:
            rows = [
                {"id": one.id, "hashes": to_bytes(one.hashes), "length": one.duration}
                for one in batch
            ]
            connection.execute(insert(fingerprint), rows)
            changes = [{"fingerprint_id": one.id, "deleted": False} for one in batch]
            connection.execute(insert(index_change), changes)


def _copy(url: str, batch: Sequence[StoredFingerprint]) -> None:
    with copying.connected(url) as cursor:
        copying.copy_fingerprints(cursor, batch)
        changes = ((one.id, "f") for one in batch)
        copying.copy(cursor, "index_change", "fingerprint_id, deleted", changes)


def _half_load(service: Server, requests: Path, seconds: float) -> Load:
    load.drive(service.port, Load(requests, PARALLEL, 1))
    alone = load.drive(service.port, Load(requests, 1, max(seconds / 2, 1)))
    full = load.drive(service.port, Load(requests, PARALLEL, seconds))
    pause = max(2 * PARALLEL / full.rate - alone.p50 / 1000, 0.001)
    return Load(requests, PARALLEL, _WINDOW, pause)


def _until_calm(
    parts: Parts, service: Server, half: Load, environment: Mapping[str, str], path: Path
) -> Iterator[Measured]:
    """Run a worker; yield windows until everything is written and merged."""
    end, calm = time.monotonic() + _TIME_LIMIT, 0
    with servers.importer(environment, path / "importer.log") as importer:
        while calm < _CALM:
            if time.monotonic() > end:
                raise TimeoutError(f"the index is not told everything: {waiting(parts)} wait")
            yield load.drive(service.port, half)
            others = processes.family(importer.pid)[1:]
            merges = any(processes.is_alive(one) for one in others)
            calm = 0 if merges or waiting(parts)[1] else calm + 1


def _shown(windows: Sequence[Measured]) -> dict[str, float]:
    all_of_it = load.together(windows)
    return {
        "rate": all_of_it.rate,
        "failed": all_of_it.failed,
        "p50": all_of_it.p50,
        "p95": all_of_it.p95,
        "p99": all_of_it.p99,
        "median_p99": statistics.median(_p99(windows)),
        "worst_p99": max(_p99(windows)),
    }


def _p99(windows: Sequence[Measured]) -> list[float]:
    return [one.p99 for one in windows]


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.merging", description=__doc__)
    add_options(parser)
    parser.add_argument("--added", type=int, help="fingerprints that are written")
    options = parser.parse_args()
    plan = read_plan(options)
    figures: dict[str, Any] = circumstances(plan)
    merging = figures["merging"] = {
        shape: measure(plan, shape, options.added) for shape in plan.shapes
    }
    keep("merging", figures)
    tables.circumstances(figures)
    tables.merging(merging)


if __name__ == "__main__":
    main()
