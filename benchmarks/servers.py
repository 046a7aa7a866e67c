"""Server processes under measurement: started on free ports, read in /proc, ended."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 40.0
_ROOT: Final = Path(__file__).parents[1]
_GUNICORN: Final = ("-m", "gunicorn", "-c", "python:fpservice.gunicorn_conf")
_TICK_MS: Final = 1000.0 / os.sysconf("SC_CLK_TCK")


class ServerStartError(Exception):
    """A server ended, or did not answer, before it was ready."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server: ``pid`` is the parent of all its processes."""

    name: str
    port: int
    pid: int

    def cpu_ms(self) -> float:
        """Return the processor time of all its processes until now."""
        return _TICK_MS * sum(_stat(pid)[1] for pid in _family(self.pid))

    def worker_memory(self) -> list[dict[str, float]]:
        """Return, for each gunicorn worker, megabytes: its part of everything, and its own."""
        parents = {pid: _stat(pid)[0] for pid in _family(self.pid)}
        gunicorn = {pid for pid in parents if "gunicorn" in _command(pid)}
        return [_memory(pid) for pid in sorted(gunicorn) if parents[pid] in gunicorn]


@contextmanager
def service(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Yield the real service, as ``fpservice serve`` runs it."""
    port = _free_port()
    arguments = ["-m", "fpservice.cli", "serve", "--port", str(port), "--no-demo"]
    with _running("service", arguments, environment, port, log) as server:
        yield server


@contextmanager
def floor(environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Yield the empty view behind gunicorn, configured as the service's."""
    port = _free_port()
    variables = {**environment, "ACOUSTID_GUNICORN_BIND": f"127.0.0.1:{port}"}
    arguments = [*_GUNICORN, "benchmarks.floor:build()"]
    with _running("floor", arguments, variables, port, log) as server:
        yield server


@contextmanager
def _running(
    name: str, arguments: Sequence[str], environment: Mapping[str, str], port: int, log: Path
) -> Iterator[Server]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            env={**os.environ, **environment},
            cwd=_ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_it_answers(process, port, log)
        yield Server(name, port, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_it_answers(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > end:
            raise ServerStartError(f"no answer on port {port}:\n{log.read_text(errors='replace')}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/v2/lookup")
        return connection.getresponse().status < 500
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _family(pid: int) -> list[int]:
    """Return a process and all that descend from it."""
    parents = {}
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents[int(path.name)] = _stat(int(path.name))[0]
            except OSError:
                continue
    family, generation = [pid], [pid]
    while generation:
        generation = [child for child, parent in parents.items() if parent in generation]
        family += generation
    return family


def _stat(pid: int) -> tuple[int, int]:
    """Return (parent, clock ticks of processor time)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[1]), int(fields[11]) + int(fields[12])


def _command(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")


def _memory(pid: int) -> dict[str, float]:
    kilobytes = {}
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        kilobytes[name] = int(rest.split()[0])
    return {"pss": kilobytes["Pss"] / 1024, "anonymous": kilobytes["Pss_Anon"] / 1024}
