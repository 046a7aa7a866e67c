"""``fpservice worker``: imports submissions."""

from __future__ import annotations

import signal
from types import FrameType

import click

from fpservice.bootstrap import build_importers
from fpservice.bootstrap_sentry import report_errors
from fpservice.commands.counting import counting_here
from fpservice.commands.parts import opened_parts
from fpservice.config import load_config
from fpservice.niceness import give_way


@click.command()
def worker() -> None:
    """Import submissions until stopped (SIGTERM or Ctrl-C)."""
    config = load_config()
    give_way(config.worker.niceness)
    with counting_here(config.prometheus.worker_listen), opened_parts() as parts:
        report_errors(parts)
        importers = build_importers(parts)

        def stop(number: int, frame: FrameType | None) -> None:
            importers.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        importers.run()
