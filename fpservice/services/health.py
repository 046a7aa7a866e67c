"""Whether the parts that the service needs are there."""

from __future__ import annotations

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
    """Runs checks side by side within one time limit."""

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

    def read_only(self) -> dict[str, CheckResult]:
        """Check that everything can be read."""
        return _run(self._reads)

    def full(self) -> dict[str, CheckResult]:
        """Check that everything can be read and written."""
        return _run({**self._reads, **self._writes})


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


def _run(checks: Mapping[str, Check]) -> dict[str, CheckResult]:
    executor = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="health")
    futures = {name: executor.submit(_timed, check) for name, check in checks.items()}
    wait(futures.values(), timeout=TIME_LIMIT)
    # A check that hangs is not waited for; its thread ends with its own time limit.
    executor.shutdown(wait=False, cancel_futures=True)
    return {name: _result(future) for name, future in futures.items()}


def _result(future: Future[CheckResult]) -> CheckResult:
    if future.done() and not future.cancelled():
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
