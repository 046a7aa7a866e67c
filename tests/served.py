"""The served process, as a user runs it: ``fpservice serve`` on a free port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

import requests

from tests.services import free_port

START_TIMEOUT = 60.0
STOP_TIMEOUT = 45.0


@dataclass
class Served:
    """A running service; ``log`` is the file with all it prints."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    @classmethod
    @contextmanager
    def start(cls, variables: Mapping[str, str], *options: str) -> Iterator[Served]:
        """Serve until the block ends."""
        port = free_port()
        command = [sys.executable, "-m", "fpservice.cli", "serve", "--port", str(port), *options]
        with NamedTemporaryFile(prefix="fpservice-serve-", suffix=".log") as log:
            process = subprocess.Popen(
                command, env={**os.environ, **variables}, stdout=log, stderr=log
            )
            served = cls(f"http://127.0.0.1:{port}", process, Path(log.name))
            try:
                served._wait()
                yield served
            finally:
                served.stop()

    def stop(self) -> int:
        """Stop as an operator does, and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_TIMEOUT)

    def _wait(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if requests.get(f"{self.url}/_health", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise AssertionError(f"the service did not start:\n{self.log.read_text()}")
