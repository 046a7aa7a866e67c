"""Generates load over real sockets that are kept alive: with wrk, or else with our own client.

Closed loops: each connection sends its next request when the last one is answered, after a pause
if one is wanted.
"""

from __future__ import annotations

import http.client
import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

SCRIPT: Final = Path(__file__).with_name("lookups.lua")
FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_TIMEOUT: Final = 10
_PROCESSES: Final = 4


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: the lines of ``bodies``; ``pause`` in seconds, before each request."""

    bodies: Path
    connections: int
    seconds: float
    pause: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """How it went; percentiles of times to an answer in ms; ``failed``: other than 200."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p95: float
    p99: float

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.requests / self.seconds


def generator() -> str:
    """Return which generator is used, for reports."""
    return "wrk" if shutil.which("wrk") else "python"


def drive(port: int, load: Load) -> Measured:
    """Send ``load`` to 127.0.0.1 and return how it went."""
    return _wrk(port, load) if generator() == "wrk" else _clients(port, load)


def _wrk(port: int, load: Load) -> Measured:
    command = ["wrk", "-t1", f"-c{load.connections}", f"-d{round(load.seconds)}s"]
    command += [f"--timeout={_TIMEOUT}s", f"--script={SCRIPT}", f"http://127.0.0.1:{port}/"]
    command += ["--", str(load.bodies), str(load.pause * 1000)]
    ended = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=load.seconds + 60
    )
    return Measured(**json.loads(ended.stdout.strip().rpartition("\n")[2]))


def _clients(port: int, load: Load) -> Measured:
    """Use processes of our own; they take a good part of the processor themselves."""
    processes = min(load.connections, _PROCESSES)
    shares = [len(part) for part in np.array_split(np.arange(load.connections), processes)]
    with ProcessPoolExecutor(processes) as pool:
        answers = list(pool.map(_client, [port] * processes, [load] * processes, shares))
    times = np.concatenate([times for times, _ in answers]) * 1000
    p50, p95, p99 = np.percentile(times, (50, 95, 99)).tolist()
    failed = sum(failed for _, failed in answers)
    return Measured(len(times), load.seconds, failed, p50, p95, p99)


def _client(port: int, load: Load, connections: int) -> tuple[np.ndarray[Any, Any], int]:
    bodies = load.bodies.read_text(encoding="ascii").splitlines()
    times: list[float] = []
    failures: list[int] = []
    end = time.perf_counter() + load.seconds
    threads = [
        threading.Thread(target=_loop, args=(port, load, bodies, end, times, failures))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.array(times), len(failures)


def _loop(
    port: int,
    load: Load,
    bodies: Sequence[str],
    end: float,
    times: list[float],
    failures: list[int],
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    place = random.randrange(len(bodies))
    while (start := time.perf_counter()) < end:
        if load.pause:
            time.sleep(random.uniform(0, 2 * load.pause))
            start = time.perf_counter()
        connection.request("POST", "/v2/lookup", bodies[place], FORM)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(answer.status)
        times.append(time.perf_counter() - start)
        place = (place + 1) % len(bodies)
    connection.close()
