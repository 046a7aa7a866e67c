"""``make conformance``: replays everything on both kinds of databases, and says what differs."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.recorded.better_outcomes import outcome_problems
from tests.recorded.case import load_cases
from tests.recorded.player import Played, play
from tests.recorded.report import (
    case_table,
    contradicted_cases,
    failed_cases,
    failed_scenarios,
    scenario_table,
)
from tests.recorded.scenario import load_scenarios
from tests.recorded.serving import recorded_musicbrainz, served
from tests.recorded.verdict import Verdict, replay
from tests.services import DatabaseUrls, PostgresServer, postgres_urls, sqlite_urls


def main() -> int:
    """Print tables and failures; return 1 if anything failed."""
    postgres = PostgresServer.start()
    try:
        musicbrainz_url = recorded_musicbrainz(postgres)
        failed = [_replay_all(name, postgres, musicbrainz_url) for name in ("sqlite", "postgresql")]
    finally:
        postgres.stop()
    return int(any(failed))


def _replay_all(backend: str, postgres: PostgresServer, musicbrainz_url: str) -> bool:
    """Replay everything on one kind of databases; return whether anything failed."""
    with _databases(backend, postgres) as urls:
        verdicts = _replay_cases(urls, musicbrainz_url)
    with _databases(backend, postgres) as urls:
        played = _play_scenarios(urls, musicbrainz_url)
    _print(backend, verdicts, played)
    return any(one.problems for one in verdicts) or any(map(outcome_problems, played))


@contextmanager
def _databases(backend: str, postgres: PostgresServer) -> Iterator[DatabaseUrls]:
    """Yield empty databases; files are gone afterwards, others with their server."""
    if backend == "postgresql":
        yield postgres_urls(postgres)
        return
    with tempfile.TemporaryDirectory(prefix="fpservice-test-sqlite-") as directory:
        yield sqlite_urls(Path(directory))


def _replay_cases(urls: DatabaseUrls, musicbrainz_url: str) -> list[Verdict]:
    # Nothing was imported while the cases were recorded.
    with served(urls, musicbrainz_url, worker=False) as server:
        return [replay(case, server) for case in load_cases()]


def _play_scenarios(urls: DatabaseUrls, musicbrainz_url: str) -> list[Played]:
    with served(urls, musicbrainz_url, worker=True) as server:
        return [play(scenario, server) for scenario in load_scenarios()]


def _print(backend: str, verdicts: list[Verdict], played: list[Played]) -> None:
    failures = (failed_cases(verdicts), failed_scenarios(played))
    tables = (case_table(verdicts), contradicted_cases(verdicts), scenario_table(played))
    print(f"\n{backend}\n")
    print("\n\n".join(filter(None, [*failures, *tables])))


if __name__ == "__main__":
    sys.exit(main())
