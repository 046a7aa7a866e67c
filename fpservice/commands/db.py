"""``fpservice db``: the schemas of the databases."""

from __future__ import annotations

import click

from fpservice.commands.parts import opened_parts
from fpservice.db import migrations


@click.group()
def db() -> None:
    """Look after the databases."""


@db.command()
def upgrade() -> None:
    """Bring all schemas to the version this program needs."""
    with opened_parts(may_be_new=True) as parts:
        for database in parts.databases.all():
            migrations.upgrade(database)
            click.echo(f"database {database.name}: up to date")
