"""Drives servers in turn with one load after another; medians of the rounds."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import load
from benchmarks.servers import Server

PARALLEL: Final = 16
_TIMES: Final = ("rate", "p50", "p95", "p99", "cpu", "load_cpu")
Figures = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Some load; ``share``, if not 0, is the part of the full rate to which it is throttled.

    The full rate is that of the scenario of the same ``kind`` with ``PARALLEL`` connections.
    """

    name: str
    requests: Path
    connections: int
    share: float = 0.0
    kind: str = ""


@dataclass(slots=True)
class _Full:
    """What one server did of one kind of load: a second, and seconds to an answer unhindered."""

    rate: float = 0.0
    answer: float = field(default=math.inf)


def run(server: Server, scenario: Scenario, seconds: float, pause: float = 0.0) -> Figures:
    """Drive a server for some seconds.

    Returns ``rate`` (a second), times in ms, ``cpu`` and ``load_cpu`` (the generator's) in
    processor ms a request, ``cpu_parts`` the same by part, ``failed``.
    """
    before = server.cpu_ms()
    measured = load.drive(
        server.port, load.Load(scenario.requests, scenario.connections, seconds, pause)
    )
    number = max(measured.requests, 1)
    parts = {part: (now - before.get(part, 0.0)) / number for part, now in server.cpu_ms().items()}
    return {
        "rate": measured.rate,
        "p50": measured.p50,
        "p95": measured.p95,
        "p99": measured.p99,
        "cpu": sum(parts.values()),
        "cpu_parts": parts,
        "load_cpu": measured.cpu / number,
        "failed": measured.failed,
    }


def drive(
    pair: Sequence[Server], scenarios: Sequence[Scenario], seconds: float, rounds: int
) -> dict[str, dict[str, Figures]]:
    """Return medians by scenario and server; the servers take turns."""
    runs: dict[str, dict[str, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    full: dict[tuple[str, str], _Full] = defaultdict(_Full)
    for server in pair:
        run(server, scenarios[0], 1)
    for _ in range(rounds):
        for scenario in scenarios:
            for server in pair:
                known = full[server.name, scenario.kind]
                one = run(server, scenario, seconds, _pause(scenario, known))
                runs[scenario.name][server.name].append(one)
                if not scenario.share:
                    known.answer = min(known.answer, one["p50"] / 1000)
                    if scenario.connections == PARALLEL:
                        known.rate = one["rate"]
    return {
        scenario: {server: median(some) for server, some in by_server.items()}
        for scenario, by_server in runs.items()
    }


def median(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure; of ``failed`` the sum."""
    middle: Figures = {name: statistics.median(one[name] for one in runs) for name in _TIMES}
    names = {part for one in runs for part in one["cpu_parts"]}
    middle["cpu_parts"] = {
        part: statistics.median(one["cpu_parts"].get(part, 0.0) for one in runs)
        for part in sorted(names)
    }
    return {**middle, "failed": sum(one["failed"] for one in runs)}


def _pause(scenario: Scenario, full: _Full) -> float:
    """Return the mean pause that brings a closed loop to the wanted rate."""
    if not scenario.share:
        return 0.0
    turn = scenario.connections / (scenario.share * full.rate)
    return max(turn - full.answer, 0.001)
