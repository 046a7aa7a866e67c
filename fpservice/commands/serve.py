"""``fpservice serve``: the whole service on this machine."""

from __future__ import annotations

import os
import socket
import sys

import click
import requests
from rich.progress import Progress

from fpservice.bootstrap import Parts, build_api_keys, build_importer, build_submission
from fpservice.commands.counting import counting_beside
from fpservice.commands.parts import opened_parts
from fpservice.commands.supervisor import Program, Supervisor
from fpservice.db import migrations
from fpservice.draining import VARIABLE as DRAIN_VARIABLE
from fpservice.draining import Drain
from fpservice.services.demo import APPLICATION_KEY, USER_KEY, DemoService, example

# Beyond the time that gunicorn gives its workers, in seconds.
_STOP_MARGIN = 5.0
_BIND = "ACOUSTID_GUNICORN_BIND"


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port, in place of the configured one.")
@click.option(
    "--demo/--no-demo",
    default=None,
    help="Load a demo catalogue into an empty installation (the default on SQLite).",
)
@click.option("--worker/--no-worker", default=True, help="Import submissions in this service too.")
def serve(port: int | None, demo: bool | None, worker: bool) -> None:
    """Migrate the databases, then answer requests and import submissions until stopped."""
    with opened_parts(may_be_new=True) as parts:
        bind = _bind(parts.config.gunicorn.bind, port)
        _check_free(bind)
        _migrate(parts)
        wanted = parts.config.app_url.startswith("sqlite") if demo is None else demo
        greeting = _Greeting(bind, _prepare_demo(parts) if wanted else False)
        options = parts.config.gunicorn
        metrics = parts.config.prometheus.listen
    drain = Drain()
    with counting_beside(metrics) as counting:
        supervisor = Supervisor(
            [*_programs(bind, worker, drain.inherited), *counting],
            options.graceful_timeout + _STOP_MARGIN,
            drain.begin,
            options.drain,
        )
        status = supervisor.run(greeting.when_ready)
    sys.exit(status)


def _bind(configured: str, port: int | None) -> str:
    if port is None:
        return configured
    host = "127.0.0.1" if configured.startswith("unix:") else configured.rpartition(":")[0]
    return f"{host}:{port}"


def _check_free(bind: str) -> None:
    if bind.startswith("unix:"):
        return
    host, _, port = bind.rpartition(":")
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), int(port)))
        except ValueError as error:
            raise click.ClickException(f"{bind} is not an address with a port") from error
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {bind} ({error.strerror}); choose another port with --port"
                " (make serve PORT=…)"
            ) from error


def _migrate(parts: Parts) -> None:
    for database in parts.databases.all():
        migrations.upgrade(database)


def _prepare_demo(parts: Parts) -> bool:
    """Load the demo catalogue if nobody uses this installation yet; return whether it is there."""
    demo = DemoService(build_api_keys(parts), build_submission(parts))
    if demo.is_wanted():
        total = len(demo.load())
        importer = build_importer(parts)
        with Progress(transient=True) as progress:
            task = progress.add_task("loading the demo catalogue", total=total)
            while taken := importer.round():
                progress.update(task, advance=taken)
    return demo.is_loaded()


def _programs(bind: str, worker: bool, drain: int) -> list[Program]:
    environment = {**os.environ, _BIND: bind, DRAIN_VARIABLE: str(drain)}
    gunicorn = ["-m", "gunicorn", "-c", "python:fpservice.gunicorn_conf", "fpservice.wsgi:build()"]
    programs = [Program("web", [sys.executable, *gunicorn], environment, [drain])]
    if worker:
        command = [sys.executable, "-m", "fpservice.cli", "worker"]
        importer = Program("importer", command, {**os.environ, _BIND: bind}, essential=False)
        programs.append(importer)
    return programs


class _Greeting:
    """Says once, when the service answers, where it is and how to try it."""

    def __init__(self, bind: str, with_demo: bool) -> None:
        self._bind = bind
        self._with_demo = with_demo
        self._said = bind.startswith("unix:")

    def when_ready(self) -> None:
        if self._said:
            return
        address = "http://" + self._bind.replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        try:
            requests.get(f"{address}/_health_docker", timeout=0.5).raise_for_status()
        except requests.RequestException:
            return
        self._said = True
        click.echo(f"\nfpservice answers at {address} (stop it with Ctrl-C)")
        if self._with_demo:
            click.echo(_demo_text(address))


def _demo_text(address: str) -> str:
    track = example()
    return (
        f"\n  client key (applications): {APPLICATION_KEY}"
        f"\n  user key (submitters):     {USER_KEY}\n"
        f"\nFind “{track.title}” by {track.artist} from its first 20 seconds:\n\n"
        f"curl -s {address}/v2/lookup -d client={APPLICATION_KEY} -d duration={track.duration}"
        f" -d meta=recordings+usermeta -d fingerprint={track.fingerprint}\n"
    )
