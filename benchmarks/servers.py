"""Server processes under measurement: started on free ports, ended."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import processes
from tests.services import free_port

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 45.0
FLOOR: Final = "floor"
SERVICE: Final = "service"
READY_PAGE: Final = "/_health_ro"
_ROOT: Final = Path(__file__).parents[1]
_GUNICORN: Final = ("-m", "gunicorn", "-c", "python:fpservice.gunicorn_conf")


class ServerStartError(Exception):
    """A server ended, or did not answer, before it was ready."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: ``pid`` is the parent of all its processes; it took ``started`` seconds."""

    name: str
    port: int
    pid: int
    started: float = 0.0

    def cpu_ms(self) -> dict[str, float]:
        """Return the processor time until now, by part, of its processes and what they use."""
        return processes.cpu_ms(self.pid, with_servers=self.name != FLOOR)


@contextmanager
def service(environment: Mapping[str, str], log: Path, *, worker: bool = True) -> Iterator[Server]:
    """Yield the real service, as ``fpservice serve`` runs it, with or without an importer."""
    port = free_port()
    arguments = ["-m", "fpservice.cli", "serve", "--port", str(port), "--no-demo"]
    arguments += [] if worker else ["--no-worker"]
    with _process(arguments, environment, log) as process:
        began = time.monotonic()
        _wait_until_it_answers(process, port, READY_PAGE, log)
        yield Server(SERVICE, port, process.pid, time.monotonic() - began)


@contextmanager
def floor(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Yield the empty view behind gunicorn, configured as the service's."""
    port = free_port()
    variables = {**environment, "ACOUSTID_GUNICORN_BIND": f"127.0.0.1:{port}"}
    arguments = [*_GUNICORN, "benchmarks.floor:build()"]
    with _process(arguments, variables, log) as process:
        _wait_until_it_answers(process, port, "/v2/lookup", log)
        yield Server(FLOOR, port, process.pid)


@contextmanager
def importer(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Yield one worker process; it has no port."""
    with _process(["-m", "fpservice.cli", "worker"], environment, log) as process:
        yield Server("importer", 0, process.pid)


@contextmanager
def _process(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**outside(), **environment},
            cwd=_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def outside() -> dict[str, str]:
    """Return the environment without what is set for another installation."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ACOUSTID_")}


def _wait_until_it_answers(
    process: subprocess.Popen[bytes], port: int, page: str, log: Path
) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(port, page):
        if process.poll() is not None or time.monotonic() > end:
            raise ServerStartError(f"no answer on port {port}:\n{log.read_text(errors='replace')}")
        time.sleep(0.02)


def _answers(port: int, page: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", page)
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()
