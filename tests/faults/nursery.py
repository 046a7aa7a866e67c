"""Starts processes of the service quickly, by forks of one that has loaded everything already.

Run as a program it is the nursery: a line of JSON on standard input is an order, a line on standard
output the answer. Its children die with it, and it ends when its standard input does.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

END_SECONDS = 20.0
_LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Child:
    """A process of the service."""

    nursery: Nursery
    pid: int

    def kill(self) -> None:
        """Kill it, with no time to clean up."""
        self.signal(signal.SIGKILL)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal; its number is its own until ``wait`` has returned."""
        os.kill(self.pid, number)

    def wait(self, seconds: float = END_SECONDS) -> int | None:
        """Return the exit status, that of a signal below 0; None if it runs on."""
        status = self.nursery.order(wait=self.pid, seconds=seconds)["status"]
        return None if status is None else int(status)

    def stop(self) -> None:
        """Stop it as an operator does."""
        self.signal(signal.SIGTERM)
        status = self.wait()
        assert status == 0, f"status {status} at the end"


class Nursery:
    """The owner's side."""

    def __init__(self) -> None:
        """Start it; it takes about a second."""
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.nursery"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
            # Ctrl-C is the owner's.
            start_new_session=True,
        )

    def start(
        self,
        program: str,
        environment: Mapping[str, str],
        log: Path,
        *,
        step: str | None = None,
        die_at: int = 0,
        linger: float = 0.0,
        deadly: Sequence[int] = (),
    ) -> Child:
        """Start a ``worker`` or a ``web`` service with these variables of the environment.

        At the step, it dies when it comes there for the ``die_at``th time, or else lingers there
        for so many seconds each time. It dies whenever it imports a ``deadly`` clip.
        """
        order: dict[str, Any] = {"step": step, "die_at": die_at, "linger": linger, "log": str(log)}
        order["deadly"] = list(deadly)
        answer = self.order(start=program, environment=dict(environment), **order)
        return Child(self, int(answer["pid"]))

    def order(self, **order: Any) -> Any:
        """Give an order and return the answer."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it and what it started."""
        self._process.communicate(timeout=END_SECONDS)


def _start(order: Mapping[str, Any], children: set[int]) -> dict[str, object]:
    pid = os.fork()
    if not pid:
        try:
            _be(order)
        except SystemExit as error:
            sys.stderr.flush()
            os._exit(error.code if isinstance(error.code, int) else int(error.code is not None))
        finally:
            os._exit(70)
    children.add(pid)
    return {"pid": pid}


def _be(order: Mapping[str, Any]) -> None:
    """Become the program that is ordered."""
    from tests.faults import programs

    nothing = os.open(os.devnull, os.O_RDWR)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for own, other in ((0, nothing), (1, log), (2, log)):
        os.dup2(other, own)
    os.environ.clear()
    os.environ.update(order["environment"])
    if order["step"]:
        programs.watch_step(order["step"], order["die_at"], order["linger"])
    programs.die_of(order["deadly"])
    programs.PROGRAMS[order["start"]]()
    sys.exit(0)


def _wait(pid: int, seconds: float, children: set[int]) -> dict[str, object]:
    end = time.monotonic() + seconds
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            children.discard(pid)
            return {"status": os.waitstatus_to_exitcode(status)}
        if time.monotonic() > end:
            return {"status": None}
        time.sleep(_LOOK_SECONDS)


def _main() -> None:
    # Everything that children need, loaded once.
    import tests.faults.programs  # noqa: F401

    # Who is stopped before it has begun to heed signals has nothing to end in order.
    signal.signal(signal.SIGTERM, lambda number, frame: os._exit(0))
    children: set[int] = set()
    for line in sys.stdin:
        order = json.loads(line)
        if "start" in order:
            answer = _start(order, children)
        else:
            answer = _wait(order["wait"], order["seconds"], children)
        print(json.dumps(answer), flush=True)
    for pid in children:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


if __name__ == "__main__":
    _main()
