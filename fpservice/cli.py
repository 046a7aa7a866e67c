"""The command line: ``fpservice COMMAND``."""

from __future__ import annotations

import sys

import click

from fpservice import __version__
from fpservice.commands.db import db
from fpservice.commands.doctor import doctor
from fpservice.commands.identify import identify
from fpservice.commands.import_dump import import_dump
from fpservice.commands.index import index
from fpservice.commands.keys import keys
from fpservice.commands.links import links
from fpservice.commands.lookup import lookup
from fpservice.commands.serve import serve
from fpservice.commands.submissions import submissions
from fpservice.commands.submit import submit
from fpservice.commands.tracks import tracks
from fpservice.commands.worker import worker
from fpservice.config import ConfigError
from fpservice.domain.errors import DomainError
from fpservice.kernels import described


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, prog_name="fpservice", message=f"%(prog)s %(version)s, kernels: {described()}"
)
def commands() -> None:
    """Name music from its sound: an AcoustID-compatible service."""


for command in (
    serve,
    worker,
    lookup,
    submit,
    identify,
    import_dump,
    index,
    keys,
    submissions,
    tracks,
    links,
    db,
    doctor,
):
    commands.add_command(command)


def main() -> None:
    """Run a command; what the user can mend is said in one line, without a stack trace."""
    try:
        commands()
    except (ConfigError, DomainError, OSError) as error:
        click.echo(f"fpservice: {error}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
