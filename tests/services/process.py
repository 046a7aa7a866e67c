"""A server process that is gone when the tests are gone."""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.metadata import distribution
from pathlib import Path
from typing import Self

import psutil

from tests.services.keeper import LOG_NAME, STOP_SECONDS
from tests.services.ports import free_port

KEEPER = Path(__file__).with_name("keeper.py")
START_SECONDS = 30.0
PORT_ATTEMPTS = 3


class ServerStartError(Exception):
    """A server ended, or said nothing, before it was ready; the message ends with its log."""


def executable(package: str, path: str) -> Path:
    """Return the file of an installed package whose path ends with ``path``.

    Raises:
        FileNotFoundError: the package is installed, but has no such file.
    """
    for file in distribution(package).files or ():
        if file.match(path):
            return Path(str(file.locate())).resolve()
    raise FileNotFoundError(f"{package} has no {path}")


def server_directory(kind: str) -> Path:
    """Make a temporary directory that only this user can read."""
    return Path(tempfile.mkdtemp(prefix=f"fpservice-test-{kind}-"))


class ServerProcess:
    """One running server and its directory.

    Args:
        command: the program and its arguments; it must stay in the foreground.
        directory: where it runs; removed with everything in it when the server stops.
        ready: what the server logs once it accepts connections. A connection proves less: it may
            reach the server of another test run that was quicker to take the port.
        stop_signal: the name of the signal that makes it stop at once and in order.
        user: numeric id of the user and group to run it as; None is the present user.
    """

    def __init__(
        self,
        command: Sequence[str],
        directory: Path,
        *,
        ready: str,
        stop_signal: str = "SIGTERM",
        user: int | None = None,
    ) -> None:
        self.directory = directory
        self._owner = os.getpid()
        options = [f"--owner={self._owner}", f"--directory={directory}", f"--signal={stop_signal}"]
        if user is not None:
            options.append(f"--user={user}")
        self._command = [sys.executable, "-I", str(KEEPER), *options, "--", *command]
        self._ready = ready
        self._wanted = True
        atexit.register(self.stop)
        self._start()

    @classmethod
    def on_free_port(
        cls, start: Callable[[int], Self], ports: Callable[[], int] = free_port
    ) -> tuple[int, Self]:
        """Start on a port from ``ports``; on another one when somebody took it in between.

        Raises:
            ServerStartError: the server starts on no port.
        """
        for _ in range(PORT_ATTEMPTS - 1):
            port = ports()
            with contextlib.suppress(ServerStartError):
                return port, start(port)
        port = ports()
        return port, start(port)

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End the server by a signal, as in a crash; :meth:`start_again` finds what it left."""
        for server in psutil.Process(self._keeper.pid).children():
            server.send_signal(number)
        # Its keeper would remove the directory if it was told anything now.
        self._keeper.wait(2 * STOP_SECONDS)

    def reload(self) -> None:
        """Have the server read its configuration again."""
        for server in psutil.Process(self._keeper.pid).children():
            server.send_signal(signal.SIGHUP)

    def start_again(self) -> None:
        """Start the server that was killed, in the same directory and with the same arguments.

        Raises:
            ServerStartError: it does not start.
        """
        self._start()

    def suspend(self) -> None:
        """Have the server and its processes stand still, as on a machine that hangs."""
        for server in psutil.Process(self._keeper.pid).children():
            # The first one first: it would start others.
            server.suspend()
            for child in server.children(recursive=True):
                child.suspend()

    def resume(self) -> None:
        """Let all of them go on."""
        for process in psutil.Process(self._keeper.pid).children(recursive=True):
            process.resume()

    def log(self) -> str:
        """Return what the server has logged."""
        try:
            return (self.directory / LOG_NAME).read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def stop(self) -> None:
        """Stop the server and remove its directory; again does nothing."""
        # A fork that ends runs this too, and must leave the server to its owner.
        if os.getpid() != self._owner or not self._wanted:
            return
        self._wanted = False
        atexit.unregister(self.stop)
        try:
            self._keeper.communicate(b".", timeout=2 * STOP_SECONDS + 1)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self) -> None:
        logged = len(self.log())
        self._keeper = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            # Ctrl-C reaches pytest alone; the servers stop after its fixtures have ended.
            start_new_session=True,
        )
        self._wait_until_ready(logged)

    def _wait_until_ready(self, logged: int) -> None:
        """Wait for a word in the log behind what was there before."""
        end = time.monotonic() + START_SECONDS
        while self._ready not in self.log()[logged:]:
            if self._keeper.poll() is not None or time.monotonic() > end:
                log = self.log()
                self.stop()
                raise ServerStartError(f"{self._keeper.args!r} did not start:\n{log}")
            time.sleep(0.02)
