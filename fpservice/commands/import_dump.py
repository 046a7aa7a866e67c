"""``fpservice import-dump``: AcoustID's public dumps into the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from fpservice.bootstrap import build_submission
from fpservice.commands.failure import CommandFailure
from fpservice.commands.index import rebuild
from fpservice.commands.parts import opened_parts
from fpservice.db import migrations
from fpservice.domain.submission import State
from fpservice.dumps.files import DumpFileError
from fpservice.dumps.rejects import RejectsError
from fpservice.services import dump_summary
from fpservice.services.dump_import import REJECTS, DumpImport
from fpservice.services.dump_summary import FileSummary, Summary

_PLAIN_SECONDS = 10.0
_PATHS = click.Path(exists=True, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command("import-dump")
@click.argument("paths", metavar="PATH…", nargs=-1, required=True, type=_PATHS)
@click.option(
    "--rejects",
    type=_FOLDER,
    default=REJECTS,
    show_default=True,
    help="Folder for lines that cannot be stored.",
)
@click.option(
    "--index-at-end",
    is_flag=True,
    help="Rebuild the index at the end, instead of queueing each fingerprint for it: faster where"
    " most of the index is new.",
)
@click.option(
    "--over-submissions",
    is_flag=True,
    help="Import although rows of the dump may replace what was submitted here.",
)
def import_dump(
    paths: tuple[Path, ...], rejects: Path, index_at_end: bool, over_submissions: bool
) -> None:
    """Import AcoustID dump files, or folders of them, by day.

    An import that was broken off is simply started again: what is stored already stays as it is.
    """
    console = Console()
    with opened_parts(may_be_new=True) as parts, _progress(console) as report:
        for database in parts.databases.all():
            migrations.upgrade(database)
        if not over_submissions and build_submission(parts).latest(State.IMPORTED, 1):
            raise CommandFailure(
                "submissions were imported here (the demo catalogue, for one), and rows of a dump"
                " replace rows with the same id; use an empty installation (serve --no-demo), or"
                " --over-submissions"
            )
        importer = DumpImport(parts.databases.fingerprint, rejects, index_at_end=index_at_end)
        try:
            summary = importer.import_files(paths, report)
        except (DumpFileError, RejectsError) as error:
            raise CommandFailure(str(error)) from error
    _show(console, summary)
    if index_at_end:
        # Also if nothing was stored now: an import broken off before may have stored all of it.
        click.get_current_context().invoke(rebuild)
    if summary.failed:
        raise CommandFailure("; ".join(str(file.error) for file in summary.failed))


@contextmanager
def _progress(console: Console) -> Iterator[Callable[[dump_summary.Progress], None]]:
    """Yield what draws a progress bar, or on anything but a terminal prints a line at times."""
    if not console.is_terminal:
        yield _PlainProgress(console)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading", total=None, rate="")
        started = monotonic()

        def report(now: dump_summary.Progress) -> None:
            bar.update(
                task,
                description=now.file.path.name,
                completed=now.position,
                total=now.size,
                rate=_rate(now.read, started),
            )

        yield report


class _PlainProgress:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._started = self._said = monotonic()

    def __call__(self, now: dump_summary.Progress) -> None:
        if monotonic() - self._said < _PLAIN_SECONDS:
            return
        self._said = monotonic()
        percent = 100 * now.position // max(now.size, 1)
        self._console.out(
            f"{percent} %  {now.file.path.name}  {now.read:,} lines,"
            f" {_rate(now.read, self._started)}"
        )


def _rate(lines: int, started: float) -> str:
    return f"{lines / max(monotonic() - started, 0.001):,.0f} lines/s"


def _show(console: Console, summary: Summary) -> None:
    table = Table("file")
    for name in ("lines", "stored", "unchanged", "bad"):
        table.add_column(name, justify="right")
    for file in summary.files:
        table.add_row(file.file.path.name, *_counts(file))
    console.print(table)
    for file in summary.files:
        if file.rejects:
            console.out(f"{file.bad:,} bad lines of {file.file.path.name}: {file.rejects}")


def _counts(file: FileSummary) -> tuple[str, ...]:
    return tuple(f"{n:,}" for n in (file.read, file.stored, file.unchanged, file.bad))
