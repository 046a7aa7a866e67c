"""``make conformance``: replays everything on both shapes, and says what differs."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

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
from tests.services import NatsServer, PostgresServer, RedisServer, postgres_urls, sqlite_urls
from tests.shapes import EmbeddedShape, Shape, migrate, running_stack


def main() -> int:
    """Print tables and failures; return 1 if anything failed."""
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory(prefix="fpservice-recorded-")))
        servers = PostgresServer.start(), RedisServer.start(), NatsServer.start()
        for server in servers:
            opened.callback(server.stop)
        postgres, redis, nats = servers
        musicbrainz_url = recorded_musicbrainz(postgres)
        urls = replace(migrate(postgres_urls(postgres)), musicbrainz=musicbrainz_url)
        stack = opened.enter_context(running_stack(urls, redis, nats, folder / "indexes"))
        embedded = EmbeddedShape(migrate(sqlite_urls(folder)))
        failed = [_replay_all(shape, musicbrainz_url) for shape in (embedded, stack)]
    return int(any(failed))


def _replay_all(shape: Shape, musicbrainz_url: str) -> bool:
    """Replay everything on one shape; return whether anything failed."""
    # Nothing was imported while the cases were recorded.
    with served(shape, musicbrainz_url, worker=False) as server:
        verdicts = [replay(case, server) for case in load_cases()]
    with served(shape, musicbrainz_url, worker=True) as server:
        played = [play(scenario, server) for scenario in load_scenarios()]
    _print(shape.name, verdicts, played)
    return any(one.problems for one in verdicts) or any(map(outcome_problems, played))


def _print(shape: str, verdicts: list[Verdict], played: list[Played]) -> None:
    failures = (failed_cases(verdicts), failed_scenarios(played))
    tables = (case_table(verdicts), contradicted_cases(verdicts), scenario_table(played))
    print(f"\n{shape}\n")
    print("\n\n".join(filter(None, [*failures, *tables])))


if __name__ == "__main__":
    sys.exit(main())
