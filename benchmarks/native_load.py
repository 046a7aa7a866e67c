"""Our own client, for machines without wrk; it takes a good part of the processors itself."""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}
_TIMEOUT: Final = 10
_PROCESSES: Final = 4


def drive(
    port: int,
    requests: Path,
    connections: int,
    seconds: float,
    pause: float,
    first: int,
    shares: NDArray[np.float64],
) -> dict[str, Any]:
    """Send load as :class:`benchmarks.load.Load` says; return the fields of ``Measured``.

    ``shares`` says of which shares of the requests the quantiles are.
    """
    processes = min(connections, _PROCESSES)
    split = [len(part) for part in np.array_split(np.arange(connections), processes)]
    arguments = [[value] * processes for value in (port, requests, seconds, pause, first)]
    with ProcessPoolExecutor(processes) as pool:
        answers = list(pool.map(_client, *arguments, split))
    times = np.concatenate([times for times, _, _ in answers]) * 1000
    if not len(times):
        times = np.zeros(1)
    p50, p95, p99 = np.percentile(times, (50, 95, 99)).tolist()
    return {
        "requests": len(times),
        "seconds": seconds,
        "failed": sum(failed for _, failed, _ in answers),
        "p50": p50,
        "p95": p95,
        "p99": p99,
        "quantiles": tuple(np.quantile(times, shares).tolist()),
        "cpu": sum(cpu for _, _, cpu in answers),
    }


def _client(
    port: int, requests: Path, seconds: float, pause: float, first: int, connections: int
) -> tuple[NDArray[np.float64], int, float]:
    lines = requests.read_text(encoding="ascii").splitlines()
    times: list[float] = []
    failures: list[int] = []
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(
            target=_loop,
            args=(port, pause, lines, first + random.randrange(len(lines)), end, times, failures),
        )
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return np.array(times), len(failures), time.process_time() * 1000


def _loop(
    port: int,
    pause: float,
    lines: Sequence[str],
    place: int,
    end: float,
    times: list[float],
    failures: list[int],
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    while (start := time.perf_counter()) < end:
        if pause:
            time.sleep(random.uniform(0, 2 * pause))
            start = time.perf_counter()
        path, _, form = lines[place % len(lines)].partition("\t")
        connection.request("POST", path, form, FORM)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 200:
            failures.append(answer.status)
        times.append(time.perf_counter() - start)
        place += 1
    connection.close()
