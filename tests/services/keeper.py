"""Runs one server for as long as its owner lives; then stops it and removes its directory.

A process of its own, because the owner may die by a signal that leaves it no time to clean up. It
is run by path and needs the standard library alone. A byte, or the end, on standard input says
that the server is no longer wanted.
"""

from __future__ import annotations

import argparse
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

POLL_SECONDS = 0.1
STOP_SECONDS = 5.0
LOG_NAME = "server.log"


def wanted(owner: int) -> bool:
    """Wait a moment and return whether the owner lives and has said nothing."""
    said, _, _ = select.select([sys.stdin.fileno()], [], [], POLL_SECONDS)
    # The owner's forks may hold its end of the pipe open after its death.
    return not said and os.getppid() == owner


def start(command: list[str], directory: Path, user: int | None) -> subprocess.Popen[bytes]:
    """Start the server in its directory, as another user if one is given."""
    with (directory / LOG_NAME).open("ab") as log:
        return subprocess.Popen(
            command,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )


def stop(server: subprocess.Popen[bytes], stop_signal: signal.Signals) -> None:
    """Ask the server to end, then make it."""
    if server.poll() is not None:
        return
    server.send_signal(stop_signal)
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait(STOP_SECONDS)


def keep(arguments: argparse.Namespace) -> int:
    """Run the server until it ends by itself or is no longer wanted; return an exit status."""
    server = start(arguments.command, arguments.directory, arguments.user)
    failed = False
    try:
        while not failed and wanted(arguments.owner):
            failed = server.poll() is not None
    finally:
        stop(server, signal.Signals[arguments.signal])
        # A server that failed leaves its log to the owner, who is still there to read it.
        if not failed:
            shutil.rmtree(arguments.directory, ignore_errors=True)
    return 1 if failed else 0


def leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(1)


def main() -> int:
    """Read the command line and keep the server it describes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--signal", default="SIGTERM")
    parser.add_argument("--user", type=int)
    parser.add_argument("command", nargs="+")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, leave)
    return keep(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
