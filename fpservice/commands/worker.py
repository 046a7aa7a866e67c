"""``fpservice worker``: imports submissions."""

from __future__ import annotations

import signal
from types import FrameType

import click

from fpservice.bootstrap import build_importers
from fpservice.commands.parts import opened_parts


@click.command()
def worker() -> None:
    """Import submissions until stopped (SIGTERM or Ctrl-C)."""
    with opened_parts() as parts:
        importers = build_importers(parts)

        def stop(number: int, frame: FrameType | None) -> None:
            importers.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        importers.run()
