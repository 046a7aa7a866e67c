"""``fpservice index``: the inverted index, which follows the database."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from fpservice.bootstrap import build_comparison, build_indexing, build_rebuild
from fpservice.commands.index_serve import index_serve
from fpservice.commands.parts import opened_parts

_SHOWN = 20


@click.group()
def index() -> None:
    """Look after the index."""


index.add_command(index_serve)


@index.command()
def status() -> None:
    """Say what the index holds and what it has still to be told."""
    with opened_parts() as parts:
        found = parts.index.status()
        waiting = build_indexing(parts).waiting()
        total = build_rebuild(parts).total()
    table = Table(show_header=False)
    table.add_row("kind", found.kind)
    table.add_row("location", found.location)
    table.add_row("generation", found.generation or "none yet")
    table.add_row("fingerprints", f"{found.fingerprints} of {total} in the database")
    table.add_row("changes waiting", str(waiting))
    table.add_row("segments", str(found.segments))
    table.add_row("size", f"{found.size_bytes / 1e6:.1f} MB")
    Console().print(table)


@index.command()
def rebuild() -> None:
    """Build the index anew from the database; the old one serves until the new one is ready."""
    with opened_parts() as parts:
        service = build_rebuild(parts)
        with _progress("rebuilding", service.total()) as advance:
            added = service.rebuild(advance)
    click.echo(f"{added} fingerprints are in the new index")


@index.command()
def verify() -> None:
    """Compare the index with the database; exit status 1 if they differ."""
    with opened_parts() as parts:
        service = build_comparison(parts)
        damage = list(service.damage())
        with _progress("comparing", build_rebuild(parts).total()) as advance:
            differences = service.differences(advance)
    lines = damage + [f"fingerprint {one.fingerprint_id}: {one.problem}" for one in differences]
    for line in lines[:_SHOWN]:
        click.echo(line)
    if lines:
        click.echo(f"{len(lines)} problems; mend them with: fpservice index rebuild")
        sys.exit(1)
    click.echo("index and database agree")


@contextmanager
def _progress(label: str, total: int) -> Iterator[Callable[[int], None]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeRemainingColumn(), transient=True) as progress:
        task = progress.add_task(label, total=total)

        def advance(number: int) -> None:
            progress.update(task, advance=number)

        yield advance
