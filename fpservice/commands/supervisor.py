"""Runs several programs side by side: starts them, restarts what dies, stops all together."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

log = logging.getLogger(__name__)

_LOOK_EVERY: Final = 0.1
_MAX_DELAY: Final = 30.0
# A program that ran for so long, in seconds, had started well.
_GOOD_START: Final = 30.0
_MAX_BAD_STARTS: Final = 5
_PR_SET_PDEATHSIG: Final = 1


def _say_nothing() -> None:
    """Announce the end to nobody."""


@dataclass(slots=True)
class Program:
    """One program, and how its starts went; it gets the files ``inherited`` from us."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    inherited: Sequence[int] = ()
    # Without it there is nothing to keep up: if it does not start, everything ends.
    essential: bool = True
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    bad_starts: int = 0
    not_before: float = field(default=0.0)


class Supervisor:
    """Keeps programs running until it is told to stop, or one of them cannot be started."""

    def __init__(
        self,
        programs: Sequence[Program],
        stop_timeout: float,
        announce_end: Callable[[], None] = _say_nothing,
        drain: float = 0.0,
    ) -> None:
        """Wait ``stop_timeout`` seconds for each program to end by itself, one after the other.

        ``announce_end`` is called ``drain`` seconds before that if SIGTERM ended the run. Ctrl-C
        cannot be put off: it reaches the programs too.
        """
        self._programs = programs
        self._stop_timeout = stop_timeout
        self._announce_end = announce_end
        self._drain = drain
        self._signals: list[int] = []

    def run(self, at_each_look: Callable[[], None]) -> int:
        """Run until SIGTERM or SIGINT; return the exit status.

        ``at_each_look`` is called between looks at the programs, and must be quick. There are no
        threads here: starting a program from one of several is not safe.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        started = True
        while started and not self._signals:
            started = self._look_after_all()
            at_each_look()
            time.sleep(_LOOK_EVERY)
        self._announce_end()
        if self._signals == [signal.SIGTERM]:
            self._wait_for_drain()
        self._end()
        return 0 if started else 1

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._signals.append(number)

    def _wait_for_drain(self) -> None:
        """Let requests come until traffic went elsewhere, or a second signal says to hurry."""
        end = time.monotonic() + self._drain
        while time.monotonic() < end and len(self._signals) < 2:
            time.sleep(_LOOK_EVERY)

    def _look_after_all(self) -> bool:
        """Start what does not run; return False if something cannot be started."""
        for program in self._programs:
            self._look_after(program)
            if program.essential and program.bad_starts >= _MAX_BAD_STARTS:
                log.error("%s does not start; giving up", program.name)
                return False
        return True

    def _look_after(self, program: Program) -> None:
        now = time.monotonic()
        process = program.process
        if process is not None and process.poll() is None:
            return
        if process is not None:
            self._note_end(program, process.returncode, now)
        if now >= program.not_before:
            program.process = subprocess.Popen(  # noqa: S603 (our own command line)
                program.command,
                env=dict(program.environment),
                pass_fds=program.inherited,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (there are no threads here)
            )
            program.started = now

    def _note_end(self, program: Program, status: int, now: float) -> None:
        program.process = None
        good = now - program.started > _GOOD_START
        program.bad_starts = 0 if good else program.bad_starts + 1
        delay = 0.0 if good else min(2.0 ** (program.bad_starts - 1) / 2, _MAX_DELAY)
        program.not_before = now + delay
        log.error("%s ended with status %d; starting it again", program.name, status)

    def _end(self) -> None:
        """End the programs in their order: what the first still answers may need the second."""
        running = [p.process for p in self._programs if p.process and p.process.poll() is None]
        for process in running:
            process.terminate()
            try:
                process.wait(self._stop_timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _die_with_parent() -> None:
    """Have the kernel stop a program whose supervisor was killed; nobody else would."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
