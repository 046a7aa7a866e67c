"""A served index, as a user runs it: ``fpservice index serve`` on a free port."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.services import free_port

START_TIMEOUT = 30.0
STOP_TIMEOUT = 40.0


@dataclass
class IndexServerProcess:
    """A server with its processes, which are a group of their own."""

    port: int
    path: Path
    process: subprocess.Popen[bytes]

    @classmethod
    @contextmanager
    def running(
        cls, path: Path, port: int | None = None, workers: int = 2
    ) -> Iterator[IndexServerProcess]:
        """Serve the indexes in a folder until the block ends."""
        server = cls.start(path, port, workers)
        try:
            yield server
        finally:
            server.stop()

    @classmethod
    def start(cls, path: Path, port: int | None = None, workers: int = 2) -> IndexServerProcess:
        """Serve the indexes in a folder."""
        port = port or free_port()
        options = ["--bind", f"127.0.0.1:{port}", "--path", str(path), "--workers", str(workers)]
        process = subprocess.Popen(
            [sys.executable, "-m", "fpservice.cli", "index", "serve", *options],
            start_new_session=True,
            env={**os.environ, "FPSERVICE_DATA": str(path)},
        )
        server = cls(port, path, process)
        server._wait()
        return server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def kill(self) -> None:
        """Kill all its processes at once."""
        self.signal(signal.SIGKILL)
        self.process.wait(STOP_TIMEOUT)

    def stop(self) -> int:
        """Stop as an operator does; return the exit status."""
        self.signal(signal.SIGCONT)
        if self.process.poll() is None:
            self.process.terminate()
        return self.process.wait(STOP_TIMEOUT)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}/_health", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.05)
        self.kill()
        raise AssertionError("the index server did not start")
