"""``fpservice identify``: which tracks audio files are."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import track
from rich.text import Text

from fpservice.client.identification import Identification, identify_files
from fpservice.commands.result_tables import (
    RESULT_COLUMNS,
    cell,
    result_cells,
    result_console,
    result_table,
)
from fpservice.commands.server_options import DEFAULT_META, chosen_server, server_options

_MOST_AT_ONCE: Final = 4


@click.command()
@click.argument("files", metavar="FILE…", nargs=-1, required=True, type=click.Path(path_type=Path))
@server_options
@click.option("--meta", default=DEFAULT_META, show_default=True, help="What to tell of tracks.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line and file.")
@click.option(
    "--at-once",
    type=click.IntRange(1, 32),
    default=min(os.cpu_count() or 1, _MOST_AT_ONCE),
    show_default=True,
    help="Files to work on at the same time.",
)
def identify(
    files: tuple[Path, ...],
    server: str,
    client: str | None,
    meta: str,
    as_json: bool,
    at_once: int,
) -> None:
    """Say which tracks audio files are; needs fpcalc.

    Exit status: 0 something found, 1 nothing found, 2 a file or the server gave an error.
    """
    asked = chosen_server(server, client)
    found = _Tally(identify_files(asked, files, meta, at_once))
    if as_json:
        for one in found:
            click.echo(json.dumps(_as_dict(one), ensure_ascii=False))
    else:
        _show(found, len(files))
    sys.exit(found.exit_status)


class _Tally:
    """Passes identifications on and remembers how they went."""

    def __init__(self, identifications: Iterable[Identification]) -> None:
        self._identifications = identifications
        self._errors = self._found = 0

    def __iter__(self) -> Iterator[Identification]:
        for one in self._identifications:
            self._errors += one.error is not None
            self._found += bool(one.results)
            yield one

    @property
    def exit_status(self) -> int:
        if self._errors:
            return 2
        return 0 if self._found else 1


def _show(identifications: Iterable[Identification], total: int) -> None:
    table = result_table("file")
    watched = track(
        identifications,
        "identifying",
        total=total,
        transient=True,
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
    )
    for one in watched:
        table.add_row(*_row(one))
    result_console().print(table)


def _row(one: Identification) -> list[Text]:
    name = cell(one.path.name)
    if one.results:
        return [name, *result_cells(one.results[0])]
    blanks = [Text()] * (len(RESULT_COLUMNS) - 2)
    return [name, Text(), cell(one.error or "nothing found"), *blanks]


def _as_dict(one: Identification) -> dict[str, object]:
    return {
        "file": str(one.path),
        "duration": one.duration,
        "results": [result.answer for result in one.results],
        "error": one.error,
    }
