"""Checks that run side by side, each with a time limit."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from fpservice.domain.errors import DatabaseUnavailableError

TIME_LIMIT: Final = 10.0


class ProblemError(Exception):
    """What a check found to be wrong, and what to do about it."""

    def __init__(self, problem: str, advice: str) -> None:
        """Both are sentences without their full stop."""
        super().__init__(problem)
        self.advice = advice


# Returns what it saw, or raises ProblemError.
Check = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to; ``advice`` says what to do, and is None if all is well."""

    name: str
    detail: str
    advice: str | None = None

    @property
    def ok(self) -> bool:
        """Whether all is well."""
        return self.advice is None


def examine(checks: Mapping[str, Check], time_limit: float = TIME_LIMIT) -> list[Finding]:
    """Run all checks side by side, and return what they found in their order.

    One that takes more than ``time_limit`` seconds is given up; it keeps nobody from ending.
    """
    done: dict[str, queue.SimpleQueue[Finding]] = {}
    for name, check in checks.items():
        found = done[name] = queue.SimpleQueue()
        # Daemons, as a check that hangs must not keep the process from ending.
        threading.Thread(
            target=_run, args=(name, check, found), name=f"doctor-{name}", daemon=True
        ).start()
    deadline = time.monotonic() + time_limit
    return [_awaited(name, found, deadline, time_limit) for name, found in done.items()]


def _awaited(
    name: str, found: queue.SimpleQueue[Finding], deadline: float, time_limit: float
) -> Finding:
    try:
        return found.get(timeout=max(deadline - time.monotonic(), 0.001))
    except queue.Empty:
        advice = "see whether it, or the network in between, hangs or is overloaded"
        return Finding(name, f"no answer within {time_limit:g} s", advice)


def _run(name: str, check: Check, found: queue.SimpleQueue[Finding]) -> None:
    try:
        found.put(Finding(name, check()))
    except ProblemError as error:
        found.put(Finding(name, str(error), error.advice))
    except DatabaseUnavailableError as error:
        found.put(Finding(name, f"not to be seen: {error}", "mend the database first"))
    except Exception as error:
        first = (str(error).strip() or "without a message").splitlines()[0]
        found.put(Finding(name, f"{type(error).__name__}: {first}", "see what that means"))
