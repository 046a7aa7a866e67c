"""Workers of tests: ``fpservice worker`` in processes of their own that start in no time.

Each is a fork of one process that has loaded the service already and opened nothing.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from fpservice.commands.worker import worker

END_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(
    [__name__, "fpservice.cache.redis_connection", "fpservice.index.http", "psycopg2"]
)


class WorkerProcess:
    """A worker that runs; ``log`` is the file with all that it prints."""

    def __init__(self, variables: Mapping[str, str], log: Path) -> None:
        """Start it in the environment ``variables``."""
        self.log = log
        self._process = _forks.Process(target=_run, args=(dict(variables), str(log)), daemon=True)
        self._process.start()

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.is_alive()

    def kill(self) -> None:
        """End it at once: a stop in order waits for messages for up to a second."""
        self._process.kill()
        self._process.join(END_SECONDS)
        assert not self.is_alive
        self._process.close()


def _run(variables: Mapping[str, str], log: str) -> None:
    if sys.platform == "linux":
        # The parent ends with the tests, however they end.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for standard in (1, 2):
        os.dup2(output, standard)
    for name in os.environ:
        if name.startswith(("ACOUSTID_", "FPSERVICE")):
            del os.environ[name]
    os.environ.update(variables)
    worker.main([])
