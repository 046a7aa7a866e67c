"""``make conformance``: replays everything on both kinds of databases, and says what differs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.recorded.case import load_cases
from tests.recorded.player import play
from tests.recorded.report import (
    Played,
    case_table,
    failed_cases,
    failed_scenarios,
    scenario_table,
)
from tests.recorded.scenario import load_scenarios
from tests.recorded.serving import served
from tests.recorded.verdict import Verdict, replay
from tests.services import DatabaseUrls, PostgresServer, postgres_urls, sqlite_urls


def main() -> int:
    """Print tables and failures; return 1 if anything failed that is no deviation."""
    failed = False
    for backend in ("sqlite", "postgresql"):
        with _databases(backend) as urls:
            verdicts = _replay_cases(urls)
        with _databases(backend) as urls:
            played = _play_scenarios(urls)
        _print(backend, verdicts, played)
        failed |= any(verdict.failed for verdict in verdicts)
        failed |= any(found and not scenario.deviation for scenario, found in played)
    return int(failed)


@contextmanager
def _databases(backend: str) -> Iterator[DatabaseUrls]:
    """Yield empty databases that are gone afterwards."""
    if backend == "sqlite":
        with tempfile.TemporaryDirectory(prefix="fpservice-test-sqlite-") as directory:
            yield sqlite_urls(Path(directory))
    else:
        server = PostgresServer.start()
        try:
            yield postgres_urls(server)
        finally:
            server.stop()


def _replay_cases(urls: DatabaseUrls) -> list[Verdict]:
    # Nothing was imported while the cases were recorded.
    with served(urls, worker=False) as server:
        return [replay(case, server) for case in load_cases()]


def _play_scenarios(urls: DatabaseUrls) -> list[Played]:
    with served(urls, worker=True) as server:
        return [(scenario, play(scenario, server)) for scenario in load_scenarios()]


def _print(backend: str, verdicts: list[Verdict], played: list[Played]) -> None:
    failures = (failed_cases(verdicts), failed_scenarios(played))
    print(f"\n{backend}\n")
    print("\n\n".join(filter(None, [*failures, case_table(verdicts), scenario_table(played)])))


if __name__ == "__main__":
    sys.exit(main())
