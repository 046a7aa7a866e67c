"""``fpservice links follow-merged``: links get the MBIDs that recordings have now."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from fpservice.bootstrap_tracks import build_merged_recordings
from fpservice.commands import named
from fpservice.commands.failure import CommandFailure
from fpservice.commands.parts import opened_parts
from fpservice.domain.errors import DatabaseUnavailableError, MetadataUnavailableError
from fpservice.services.merged_recordings import START, Followed, MergedRecordings

_PLAIN_SECONDS: Final = 10.0
_SHOWN: Final = 20


@click.command("follow-merged")
@click.option("--after", type=named.mbid, help="Go on behind this MBID.")
@named.by_option
def follow_merged(after: uuid.UUID | None, by: str) -> None:
    """Write links under MBIDs that MusicBrainz merged back under the present ones.

    It can run beside everything else, be broken off at any time, and be started again.
    """
    console = Console()
    with opened_parts() as parts:
        service = build_merged_recordings(parts)
        if service is None:
            raise CommandFailure(
                "no MusicBrainz database is configured ([database_musicbrainz] url), and nothing"
                " else knows which recordings were merged"
            )
        with _progress(console) as report:
            done = _follow(service, by, after or START, report)
    click.echo(
        f"{done.looked_at:,} MBIDs looked at; {done.written:,} links are under present MBIDs now,"
        f" {done.joined:,} of the old ones were added to others"
    )
    _say_undecided(done)


def _follow(
    service: MergedRecordings, by: str, after: uuid.UUID, report: Callable[[Followed], None]
) -> Followed:
    position = after

    def remember(now: Followed) -> None:
        nonlocal position
        position = now.position
        report(now)

    try:
        return service.follow(by, after, remember)
    except (DatabaseUnavailableError, MetadataUnavailableError) as error:
        again = (
            f"what was written stays; go on with: fpservice links follow-merged --after {position}"
        )
        raise CommandFailure(f"{error}; {again}") from error


def _say_undecided(done: Followed) -> None:
    if not done.undecided:
        return
    click.echo(
        f"{len(done.undecided):,} links are left as they were: under one MBID of the recording they"
        " are disabled, under another they are not. Switch them to one state (fpservice links"
        " disable or enable), then run this again:"
    )
    for track_id, mbid in sorted(done.undecided)[:_SHOWN]:
        click.echo(f"  track {track_id}, recording {mbid}")


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[Followed], None]]:
    """Yield what draws a progress bar, or on anything but a terminal prints a line at times."""
    if not console.is_terminal:
        yield _PlainProgress(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[counts]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("following", total=1.0, counts="")

        def report(now: Followed) -> None:
            bar.update(task, completed=now.fraction, counts=_counts(now))

        yield report


class _PlainProgress:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = monotonic()

    def __call__(self, now: Followed) -> None:
        if monotonic() - self._said < _PLAIN_SECONDS:
            return
        self._said = monotonic()
        self._console.out(f"{100 * now.fraction:.0f} %  {_counts(now)}")


def _counts(now: Followed) -> str:
    return f"{now.looked_at:,} MBIDs, {now.written:,} links written"
