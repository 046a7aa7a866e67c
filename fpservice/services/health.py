"""Whether the parts that the service needs are there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from fpservice.db.transaction import Database, Databases
from fpservice.interfaces import FingerprintIndex

TIME_LIMIT: Final = 1.0
Check = Callable[[], None]


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check came to; ``milliseconds`` it took, ``reason`` if it failed."""

    ok: bool
    milliseconds: float
    reason: str | None = None


class HealthService:
    """Runs checks side by side within one time limit.

    A check that hangs is under way once, however often it is asked for: its thread and connection
    are all that it takes.
    """

    def __init__(
        self,
        databases: Databases,
        index: FingerprintIndex,
        musicbrainz: Database | None = None,
        more: Mapping[str, Check] | None = None,
        more_reads: Mapping[str, Check] | None = None,
    ) -> None:
        """Check these; ``musicbrainz`` is only read, and ``more`` belongs to the full check.

        ``more_reads`` belong to both checks.
        """
        read = [*databases.all(), *([musicbrainz] if musicbrainz else [])]
        self._reads: dict[str, Check] = {
            f"database_{database.name}": _reader(database) for database in read
        }
        self._reads["index"] = index.ping
        self._reads.update(more_reads or {})
        self._writes: dict[str, Check] = {
            f"database_{database.name}_write": _writer(database) for database in databases.all()
        }
        self._writes.update(more or {})
        self._executor = ThreadPoolExecutor(
            len(self._reads) + len(self._writes), thread_name_prefix="health"
        )
        self._lock = threading.Lock()
        self._under_way: dict[str, Future[CheckResult]] = {}

    def read_only(self) -> dict[str, CheckResult]:
        """Check that everything can be read."""
        return self._run(self._reads)

    def full(self) -> dict[str, CheckResult]:
        """Check that everything can be read and written."""
        return self._run({**self._reads, **self._writes})

    def _run(self, checks: Mapping[str, Check]) -> dict[str, CheckResult]:
        futures = {name: self._begun(name, check) for name, check in checks.items()}
        # A check that hangs is not waited for; its thread ends with its own time limit.
        wait(futures.values(), timeout=TIME_LIMIT)
        return {name: _result(future) for name, future in futures.items()}

    def _begun(self, name: str, check: Check) -> Future[CheckResult]:
        """Return the check that is under way, or begin it."""
        with self._lock:
            future = self._under_way.get(name)
            if future is None or future.done():
                future = self._executor.submit(_timed, check)
                self._under_way[name] = future
            return future


def _reader(database: Database) -> Check:
    def check() -> None:
        with database.reading() as connection:
            connection.execute(text("SELECT 1"))

    return check


class _RollBackError(Exception):
    """Ends a transaction that must leave nothing behind."""


def _writer(database: Database) -> Check:
    table = f"alembic_version_{database.name}"

    def check() -> None:
        try:
            with database.writing() as connection:
                connection.execute(text(f"UPDATE {table} SET version_num = version_num"))  # noqa: S608
                raise _RollBackError
        except _RollBackError:
            return

    return check


def _result(future: Future[CheckResult]) -> CheckResult:
    if future.done():
        return future.result()
    return CheckResult(False, TIME_LIMIT * 1000, "no answer in time")


def _timed(check: Check) -> CheckResult:
    started = time.monotonic()
    reason = None
    try:
        check()
    except Exception as error:
        # The class says enough; a message may name hosts and users.
        reason = type(error).__name__
    return CheckResult(reason is None, (time.monotonic() - started) * 1000, reason)
