"""Generates load over real sockets that are kept alive: with wrk, or else with our own client.

Closed loops: each connection sends its next request when the last one is answered, after a pause
if one is wanted.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import native_load

SCRIPT: Final = Path(__file__).with_name("requests.lua")
TIMEOUT: Final = 10
# What share of the requests each quantile stands for: parts of a hundredth, and of the slowest
# tenth parts of a thousandth.
WEIGHTS: Final = (0.01,) * 90 + (0.001,) * 100


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: the lines of ``requests``, each a path, a tab and a form, from line ``first``.

    ``pause`` in seconds, the mean before each request of a connection.
    """

    requests: Path
    connections: int
    seconds: float
    pause: float = 0.0
    first: int = 0


@dataclass(frozen=True, slots=True)
class Measured:
    """How it went; percentiles of times to an answer in ms; ``failed``: other than 200.

    ``cpu``: milliseconds of processor time that the generator itself took; ``quantiles``: times in
    ms, each for a share of the requests as ``WEIGHTS`` has it.
    """

    requests: int
    seconds: float
    failed: int
    p50: float
    p95: float
    p99: float
    cpu: float = 0.0
    quantiles: tuple[float, ...] = field(default=(), repr=False)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def generator() -> str:
    """Return which generator is used, for reports."""
    return "wrk" if shutil.which("wrk") else "python"


def drive(port: int, load: Load) -> Measured:
    """Send ``load`` to 127.0.0.1 and return how it went."""
    if generator() == "wrk":
        return _wrk(port, load)
    return Measured(
        **native_load.drive(
            port,
            load.requests,
            load.connections,
            load.seconds,
            load.pause,
            load.first,
            np.cumsum(WEIGHTS) - np.array(WEIGHTS) / 2,
        )
    )


def together(runs: Sequence[Measured]) -> Measured:
    """Return several runs as one; percentiles are as exact as the quantiles."""
    times = np.array([time for one in runs for time in one.quantiles])
    weights = np.array([one.requests * weight for one in runs for weight in WEIGHTS])
    order = np.argsort(times)
    shares = np.cumsum(weights[order]) / max(weights.sum(), 1)
    places = np.minimum(np.searchsorted(shares, (0.50, 0.95, 0.99)), len(times) - 1)
    p50, p95, p99 = times[order][places].tolist()
    return Measured(
        sum(one.requests for one in runs),
        sum(one.seconds for one in runs),
        sum(one.failed for one in runs),
        p50,
        p95,
        p99,
        sum(one.cpu for one in runs),
    )


def _wrk(port: int, load: Load) -> Measured:
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{max(1, round(load.seconds))}s"]
    command += [f"--timeout={TIMEOUT}s", f"--script={SCRIPT}", f"http://127.0.0.1:{port}/"]
    command += ["--", str(load.requests), str(load.pause * 1000), str(load.first)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=load.seconds + 60
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    said = json.loads(ended.stdout.strip().rpartition("\n")[2])
    return Measured(**{**said, "quantiles": tuple(said["quantiles"])}, cpu=1000 * cpu)
