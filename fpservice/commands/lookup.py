"""``fpservice lookup``: which track a fingerprint or an audio file is."""

from __future__ import annotations

import json
import sys

import click

from fpservice.client.errors import ClientError
from fpservice.commands.failure import CommandFailure
from fpservice.commands.result_tables import result_cells, result_console, result_table
from fpservice.commands.server_options import (
    DEFAULT_META,
    chosen_audio,
    chosen_server,
    server_options,
)


@click.command()
@click.argument("source", metavar="FINGERPRINT_OR_AUDIOFILE")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="Seconds of the whole recording; needed with a fingerprint.",
)
@server_options
@click.option("--meta", default=DEFAULT_META, show_default=True, help="What to tell of tracks.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as the server gave them.")
def lookup(
    source: str,
    duration: float | None,
    server: str,
    client: str | None,
    meta: str,
    as_json: bool,
) -> None:
    """Say which track a fingerprint (as fpcalc prints it) or an audio file is.

    Exit status: 0 found, 1 nothing found, 2 error.
    """
    asked = chosen_server(server, client)
    audio = chosen_audio(source, duration)
    try:
        results = asked.lookup(audio.fingerprint, audio.duration, meta)
    except ClientError as error:
        raise CommandFailure(str(error)) from error
    if as_json:
        click.echo(json.dumps([one.answer for one in results], ensure_ascii=False, indent=1))
    elif results:
        table = result_table()
        for one in results:
            table.add_row(*result_cells(one))
        result_console().print(table)
    else:
        click.echo("nothing found", err=True)
    sys.exit(0 if results else 1)
