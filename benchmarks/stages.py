"""What each stage of a request takes, as the service's own metrics say it."""

from __future__ import annotations

import socket
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import load, servers

PERCENTILES: Final = (50, 95, 99)
_PREFIX: Final = "bench"
_BUFFER: Final = 65535
Times = dict[str, dict[str, float]]


class Collector:
    """A statsd server that keeps durations; it ends with its block."""

    def __init__(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self._times: dict[str, list[float]] = defaultdict(list)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._receive)

    def __enter__(self) -> Collector:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def variables(self) -> dict[str, str]:
        """Return the environment that sends a service's metrics here."""
        return {
            "ACOUSTID_STATSD_HOST": "127.0.0.1",
            "ACOUSTID_STATSD_PORT": str(self._socket.getsockname()[1]),
            "ACOUSTID_STATSD_PREFIX": _PREFIX,
        }

    def clear(self) -> None:
        """Forget what has come."""
        self._times = defaultdict(list)

    def times(self) -> Times:
        """Return the number of each kind of duration, and percentiles in milliseconds."""
        return {name: _percentiles(some) for name, some in sorted(self._times.items())}

    def _receive(self) -> None:
        while not self._ended.is_set():
            try:
                datagram = self._socket.recv(_BUFFER)
            except TimeoutError:
                continue
            for line in datagram.decode(errors="replace").splitlines():
                name, _, rest = line.partition(":")
                value, _, kind = rest.partition("|")
                if kind.startswith("ms"):
                    self._times[name.removeprefix(f"{_PREFIX}.")].append(float(value))


def measure(variables: Mapping[str, str], requests: Path, seconds: float, log: Path) -> Times:
    """Serve, drive with one connection, and return the times of the stages.

    In a run of its own: sending metrics takes time too.
    """
    with (
        Collector() as collector,
        servers.service({**variables, **collector.variables()}, log) as server,
    ):
        load.drive(server.port, load.Load(requests, 1, 1))
        collector.clear()
        load.drive(server.port, load.Load(requests, 1, seconds))
        return collector.times()


def _percentiles(times: list[float]) -> dict[str, Any]:
    values = np.percentile(np.array(times), PERCENTILES)
    shown = {f"p{p}": float(value) for p, value in zip(PERCENTILES, values, strict=True)}
    return {"number": len(times), **shown}
