"""``make stack``: everything a large installation runs, on this machine, from wheels.

PostgreSQL with four databases, Redis, NATS with JetStream, an index server, two web services that
share nothing but these, two workers. Ctrl-C stops it all; nothing is kept.
"""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from types import FrameType

import requests

from fpservice.bootstrap import build_api_keys, build_parts, build_submission
from fpservice.commands.supervisor import Program, Supervisor
from fpservice.config import load_config
from fpservice.services.demo import APPLICATION_KEY, USER_KEY, DemoService, example
from tests.musicbrainz_data import load_musicbrainz
from tests.services import (
    DatabaseUrls,
    NatsServer,
    PostgresServer,
    RedisServer,
    free_port,
    postgres_urls,
)

PORTS = (5000, 5001)
WORKERS = 2
STOP_SECONDS = 45.0
MIGRATION_SECONDS = 60


def main() -> int:
    """Run the stack until Ctrl-C or SIGTERM; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ports", type=int, nargs=2, default=PORTS, help="of the web services")
    ports = parser.parse_args().ports
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    with running_servers() as variables:
        _migrate(variables)
        _submit_demo(variables)
        running = programs(variables, ports)
        supervisor = Supervisor(running, STOP_SECONDS, lambda: _end_together(running[:-1]))
        return supervisor.run(Greeting(ports, variables).when_ready)


@contextmanager
def running_servers() -> Iterator[dict[str, str]]:
    """Yield the environment of an installation on servers that end with the block."""
    with ExitStack() as opened:
        directory = opened.enter_context(tempfile.TemporaryDirectory(prefix="fpservice-stack-"))
        postgres = PostgresServer.start()
        opened.callback(postgres.stop)
        redis = RedisServer.start()
        opened.callback(redis.stop)
        nats = NatsServer.start()
        opened.callback(nats.stop)
        urls = postgres_urls(postgres)
        load_musicbrainz(urls.musicbrainz or "")
        index = f"http://127.0.0.1:{free_port()}"
        yield {
            # What is set outside is for another installation.
            **{k: v for k, v in os.environ.items() if not k.startswith(("ACOUSTID_", "FPSERVICE"))},
            **settings(urls, redis.url, nats.url, index),
            "FPSERVICE_DATA": directory,
            "ACOUSTID_CLUSTER_SECRET": secrets.token_hex(16),
        }


def settings(urls: DatabaseUrls, redis: str, nats: str, index: str) -> dict[str, str]:
    """Return how an installation on these servers is configured, but its secret and folder."""
    return {
        # A file that lies about is for another installation.
        "ACOUSTID_CONFIG": os.devnull,
        "ACOUSTID_DATABASE_URL": urls.app,
        "ACOUSTID_DATABASE_FINGERPRINT_URL": urls.fingerprint,
        "ACOUSTID_DATABASE_INGEST_URL": urls.ingest,
        "ACOUSTID_DATABASE_MUSICBRAINZ_URL": urls.musicbrainz or "",
        "ACOUSTID_REDIS_URL": redis,
        "ACOUSTID_NATS_SERVERS": nats,
        "ACOUSTID_FINGERPRINT_INDEX_URL": index,
        "ACOUSTID_CLUSTER_RATE_LIMITER_ENABLED": "true",
        "ACOUSTID_CLUSTER_RATE_LIMITER_STORAGE": "redis",
        "ACOUSTID_CLUSTER_RATE_LIMITER_GLOBAL_LIMIT": "1000",
        "ACOUSTID_GUNICORN_WORKERS": "1",
    }


def programs(variables: Mapping[str, str], ports: Sequence[int]) -> list[Program]:
    """Return the service's own processes: web services, workers, and last their index."""
    command = [sys.executable, "-m", "fpservice.cli"]
    web = [
        Program(f"web {port}", [*command, "serve", "--no-worker", "--port", str(port)], variables)
        for port in ports
    ]
    workers = [Program(f"worker {n}", [*command, "worker"], variables) for n in range(WORKERS)]
    bind = variables["ACOUSTID_FINGERPRINT_INDEX_URL"].removeprefix("http://")
    index = Program("index", [*command, "index", "serve", "--bind", bind], variables)
    return [*web, *workers, index]


class Greeting:
    """Says once, when both web services answer, where everything is."""

    def __init__(self, ports: Sequence[int], variables: Mapping[str, str]) -> None:
        self._addresses = [f"http://127.0.0.1:{port}" for port in ports]
        self._variables = variables
        self._said = False

    def when_ready(self) -> None:
        if not self._said and all(_is_healthy(address) for address in self._addresses):
            self._said = True
            print(self._text(), flush=True)

    def _text(self) -> str:
        track = example()
        names = [name for name in self._variables if name.endswith(("_URL", "_SERVERS"))]
        settings = "\n".join(f"  {name}={self._variables[name]}" for name in sorted(names))
        return (
            f"\nThe stack answers at {' and '.join(self._addresses)} (stop it with Ctrl-C)\n"
            f"\n  client key: {APPLICATION_KEY}   user key: {USER_KEY}\n{settings}\n"
            f"\nFind “{track.title}” by {track.artist}:\n"
            f"\ncurl -s {self._addresses[0]}/v2/lookup -d client={APPLICATION_KEY}"
            f" -d duration={track.duration} -d meta=recordings+usermeta"
            f" -d fingerprint={track.fingerprint}\n"
        )


def _is_healthy(address: str) -> bool:
    try:
        return requests.get(f"{address}/_health", timeout=1).ok
    except requests.RequestException:
        return False


def _migrate(variables: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "fpservice.cli", "db", "upgrade"]
    subprocess.run(command, env=variables, check=True, timeout=MIGRATION_SECONDS)


def _submit_demo(variables: Mapping[str, str]) -> None:
    """Add the demo keys and submit the demo catalogue; the workers import it."""
    parts = build_parts(load_config(variables))
    submission = build_submission(parts)
    try:
        DemoService(build_api_keys(parts), submission).load()
    finally:
        submission.close()
        parts.close()


def _end_together(running: Sequence[Program]) -> None:
    for program in running:
        if program.process is not None and program.process.poll() is None:
            program.process.terminate()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
