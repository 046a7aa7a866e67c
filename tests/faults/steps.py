"""The steps of an import at which a process can be killed, and what tells that one is reached.

The steps are told by the statements that go to the databases, by the ends of transactions and by
the few functions between which there is no statement; the service knows nothing of it.
"""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

from nats.aio.msg import Msg
from sqlalchemy import Connection, Engine, event

from fpservice.db.transaction import Database
from fpservice.domain.matching import Match
from fpservice.domain.submission import Submission
from fpservice.index.embedded import EmbeddedIndex
from fpservice.index.http import HttpIndex
from fpservice.index.log import LogWriter
from fpservice.services import intake
from fpservice.services.import_batch import ImportBatch

Happened = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """A step: these events, as regular expressions, one after the other in one thread."""

    name: str
    events: tuple[str, ...]


STEPS = {
    step.name: step
    for step in (
        Step("taken", (r"^sql SELECT .*FROM submission\b",)),
        Step("after-locks", (r"^sql SELECT .*FROM imported_submission\b",)),
        Step("fingerprint-stored", (r"^did INSERT INTO fingerprint\b",)),
        Step("change-queued", (r"^did INSERT INTO index_change\b",)),
        Step(
            "before-fingerprint-commit",
            (r"^did INSERT INTO imported_submission\b", r"^commit fingerprint"),
        ),
        Step(
            "after-fingerprint-commit",
            (r"^did INSERT INTO imported_submission\b", r"^committed fingerprint"),
        ),
        Step(
            "between-result-and-outbox",
            (r"^did INSERT INTO submission_result\b", r"^sql DELETE FROM pending_submission\b"),
        ),
        Step("before-ingest-commit", (r"^did INSERT INTO submission_result\b", r"^commit ingest")),
        Step(
            "after-ingest-commit", (r"^did INSERT INTO submission_result\b", r"^committed ingest")
        ),
        Step("before-ack", (r"^acknowledging",)),
        Step("changes-read", (r"^telling",)),
        Step("index-written", (r"^written",)),
        Step("index-told", (r"^told",)),
        Step("before-queue-commit", (r"^did DELETE FROM index_change\b", r"^commit fingerprint")),
        Step("change-gone", (r"^did DELETE FROM index_change\b", r"^committed fingerprint")),
        # Of a web service.
        Step("stored", (r"^did add submissions", r"^committed ingest")),
    )
}


class Watch:
    """Does something each time that a step is reached."""

    def __init__(self, step: Step, act: Callable[[], None]) -> None:
        """Call ``act`` in the thread that reaches the step."""
        self._events = [re.compile(one, re.DOTALL) for one in step.events]
        self._act = act
        self._local = threading.local()

    def happened(self, what: str) -> None:
        """Hear of an event."""
        seen = getattr(self._local, "seen", 0)
        if self._events[seen].search(what):
            seen = (seen + 1) % len(self._events)
            self._local.seen = seen
            if not seen:
                self._act()


def dying(nth: int) -> Callable[[], None]:
    """Return what kills this process, as ``kill -9`` does, when it is called the nth time."""
    lock = threading.Lock()
    calls = 0

    def die() -> None:
        nonlocal calls
        with lock:
            calls += 1
            if calls == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    return die


def lingering(seconds: float) -> Callable[[], None]:
    """Return what makes a step take so long, so that faults hit it more often."""
    return lambda: time.sleep(seconds)


def watch(step: str, act: Callable[[], None]) -> None:
    """From now on, do something in this process each time it reaches a step."""
    happened = Watch(STEPS[step], act).happened
    _watch_statements(happened)
    _watch_transactions(happened)
    _watch_index(happened)
    _before(Msg, "ack", lambda: happened("acknowledging"))


def kill_importers_of(versions: Collection[str]) -> None:
    """From now on, kill this process whenever it imports what these versions of a program sent."""
    matches = ImportBatch._stored_matches

    def deadly(self: ImportBatch, content: Submission) -> list[Match]:
        if content.application_version in versions:
            os.kill(os.getpid(), signal.SIGKILL)
        return matches(self, content)

    ImportBatch._stored_matches = deadly  # type: ignore[method-assign]


def _watch_statements(happened: Happened) -> None:
    @event.listens_for(Engine, "before_cursor_execute")
    def before(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        happened(f"sql {statement}")

    @event.listens_for(Engine, "after_cursor_execute")
    def after(connection: Connection, cursor: Any, statement: str, *rest: Any) -> None:
        happened(f"did {statement}")

    # These are on the driver itself.
    _after(intake, "add_submissions", lambda: happened("did add submissions"))


def _watch_transactions(happened: Happened) -> None:
    for name in ("writing", "writing_quickly"):
        _watch_transactions_of(getattr(Database, name), name, happened)


def _watch_transactions_of(writing: Any, name: str, happened: Happened) -> None:
    @contextmanager
    def watched(self: Database) -> Iterator[Any]:
        with writing(self) as connection:
            yield connection
            happened(f"commit {self.name}")
        happened(f"committed {self.name}")

    setattr(Database, name, watched)


def _watch_index(happened: Happened) -> None:
    for index in (EmbeddedIndex, HttpIndex):
        _before(index, "apply", lambda: happened("telling"))
        _after(index, "apply", lambda: happened("told"))
    # The log has the changes; whoever reads the index is not shown them yet.
    _after(LogWriter, "append", lambda: happened("written"))


def _before(owner: type, name: str, call: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def watched(*arguments: Any, **named: Any) -> Any:
        call()
        return original(*arguments, **named)

    setattr(owner, name, watched)


def _after(owner: Any, name: str, call: Callable[[], None]) -> None:
    original = getattr(owner, name)

    @wraps(original)
    def watched(*arguments: Any, **named: Any) -> Any:
        result = original(*arguments, **named)
        call()
        return result

    setattr(owner, name, watched)
