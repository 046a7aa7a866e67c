"""How fast submissions are taken in and imported: ``python -m benchmarks.writes``.

On a copy of an installation. Half of what is submitted is known music with the MBID it has, the
other half nobody knows yet.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text

from benchmarks import driving, forms, servers, tables
from benchmarks.driving import PARALLEL, Scenario
from benchmarks.installation import opened
from benchmarks.plan import SMALL, Plan, add_options, circumstances, folder, keep, read_plan
from benchmarks.shapes import SEED, Installation
from benchmarks.synthetic import Query, queries, sample
from fpservice.bootstrap import Parts

BATCH: Final = 20
_ERRORS: Final = (0.01, 0.08)
_TIME_LIMIT: Final = 600.0
_LOOK_EVERY: Final = 0.02


def measure(plan: Plan, shape: str, size: int = SMALL) -> dict[str, Any]:
    """Return ``imports`` and ``submissions``; every import is of submissions not made before."""
    number = 400 if plan.quick else 3000
    with (
        folder() as path,
        plan.installation(shape, size).copied() as copied,
        copied.started() as variables,
    ):
        environment = {**variables, **plan.gunicorn()}
        rounds = [
            _import(environment, path, distinct(copied, number, round))
            for round in range(1, plan.rounds + 1)
        ]
        submissions = _submit(plan, environment, path, distinct(copied, number, 0))
    return {"size": size, "imports": _median(rounds), "submissions": submissions}


def distinct(installed: Installation, number: int, choice: int) -> list[Query]:
    """Return what to submit; another ``choice`` gives others."""
    known = sample(installed.size, SEED, number // 2, choice=100 + choice)
    return queries(known, SEED + 100 + choice, _ERRORS, unknown=0.5)


def lines(queries: Sequence[Query], first: int = 0) -> list[str]:
    """Return single submissions; ``first`` makes their new MBIDs others than those before."""
    return [forms.submission([query], first + place) for place, query in enumerate(queries)]


def waiting(parts: Parts) -> tuple[int, int]:
    """Return how many submissions wait, and how many changes the index has still to be told."""
    with parts.databases.ingest.reading() as connection:
        statement = text("SELECT count(*) FROM pending_submission")
        submissions = connection.execute(statement).scalar_one()
    with parts.databases.fingerprint.reading() as connection:
        changes = connection.execute(text("SELECT count(*) FROM index_change")).scalar_one()
    return int(submissions), int(changes)


def _import(environment: Mapping[str, str], path: Path, asked: Sequence[Query]) -> dict[str, Any]:
    """Store submissions, then start one worker and see how fast it is.

    Returns ``rate`` a second, from the first to the last; ``cpu`` and ``cpu_parts`` in processor
    ms an import; ``searchable``, the seconds from the last import until the index has it.
    """
    first = abs(hash(asked[0].hashes.tobytes())) % 2**40
    batches = [
        forms.submission(asked[start : start + BATCH], first + start)
        for start in range(0, len(asked), BATCH)
    ]
    with servers.service(environment, path / "service.log", worker=False) as service:
        forms.send(service.port, batches)
    with opened(environment) as parts:
        there = waiting(parts)[0]
        with servers.importer(environment, path / "importer.log") as importer:
            _until(parts, lambda left, _: left < there)
            began, left, before = time.monotonic(), waiting(parts)[0], importer.cpu_ms()
            _until(parts, lambda left, _: left == 0)
            seconds, after = time.monotonic() - began, importer.cpu_ms()
            _until(parts, lambda left, changes: left == changes == 0)
            searchable = time.monotonic() - began - seconds
    parts_ms = {part: (ms - before.get(part, 0.0)) / left for part, ms in after.items()}
    return {
        "rate": left / seconds,
        "cpu": sum(parts_ms.values()),
        "cpu_parts": parts_ms,
        "searchable": searchable,
        "number": left,
    }


def _until(parts: Parts, is_reached: Any) -> None:
    end = time.monotonic() + _TIME_LIMIT
    while not is_reached(*waiting(parts)):
        if time.monotonic() > end:
            raise TimeoutError(f"the importer is not done: {waiting(parts)} wait")
        time.sleep(_LOOK_EVERY)


def _median(rounds: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = {part for one in rounds for part in one["cpu_parts"]}
    cpu_parts = {
        part: statistics.median(one["cpu_parts"].get(part, 0.0) for one in rounds)
        for part in sorted(names)
    }
    middle = {
        name: statistics.median(one[name] for one in rounds)
        for name in ("rate", "cpu", "searchable", "number")
    }
    return {**middle, "cpu_parts": cpu_parts}


def _submit(
    plan: Plan, environment: Mapping[str, str], path: Path, asked: Sequence[Query]
) -> dict[str, Any]:
    """Drive submissions while nobody imports them; return figures by scenario and server."""
    singles = forms.write(path / "submissions", lines(asked))
    batches = forms.write(
        path / "submission-batches",
        (
            forms.submission(asked[start : start + BATCH], 10**6 + start)
            for start in range(0, len(asked) - BATCH + 1, BATCH)
        ),
    )
    scenarios = [
        Scenario("1 connection", singles, 1),
        Scenario("4 connections", singles, 4),
        Scenario("16 connections", singles, PARALLEL),
        Scenario(f"4, batches of {BATCH}", batches, 4, kind="batch"),
    ]
    with (
        servers.floor(environment, path / "floor.log") as floor,
        servers.service(environment, path / "service.log", worker=False) as service,
    ):
        return driving.drive((floor, service), scenarios, plan.seconds, plan.rounds)


def main() -> None:
    """Measure, print, and keep the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.writes", description=__doc__)
    add_options(parser)
    plan = read_plan(parser.parse_args())
    figures: dict[str, Any] = circumstances(plan)
    writes = figures["writes"] = {shape: measure(plan, shape) for shape in plan.shapes}
    keep("writes", figures)
    tables.circumstances(figures)
    tables.writes(writes)


if __name__ == "__main__":
    main()
