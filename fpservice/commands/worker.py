"""``fpservice worker``: imports submissions."""

from __future__ import annotations

import signal
from types import FrameType

import click

from fpservice.bootstrap import build_importer
from fpservice.commands.parts import opened_parts


@click.command()
def worker() -> None:
    """Import submissions until stopped (SIGTERM or Ctrl-C)."""
    with opened_parts() as parts:
        importer = build_importer(parts)

        def stop(number: int, frame: FrameType | None) -> None:
            importer.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        importer.run()
