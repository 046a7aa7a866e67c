"""``fpservice keys``: who may call, and who may submit."""

from __future__ import annotations

import click
from rich.console import Console
from rich.table import Table

from fpservice.bootstrap import build_api_keys
from fpservice.commands.parts import opened_parts
from fpservice.domain.errors import AlreadyTakenError


@click.group()
def keys() -> None:
    """Manage the keys of applications and users."""


@keys.command("add-application")
@click.argument("name")
@click.option("--version", "version", default="", help="Version of the program.")
@click.option("--key", help="Use this key instead of a random one.")
@click.option("--id", "application_id", type=click.IntRange(1), help="Use this id.")
@click.option("--rate-limit", type=click.FloatRange(0, min_open=True), help="Requests a second.")
@click.option("--inactive", is_flag=True, help="Add it switched off.")
def add_application(
    name: str,
    version: str,
    key: str | None,
    application_id: int | None,
    rate_limit: float | None,
    inactive: bool,
) -> None:
    """Add a program that may call, and print its client key."""
    with opened_parts() as parts:
        try:
            added = build_api_keys(parts).add_application(
                name,
                version=version,
                apikey=key,
                application_id=application_id,
                active=not inactive,
                rate_limit=rate_limit,
            )
        except (AlreadyTakenError, ValueError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"application {added.id}: {added.apikey}")


@keys.command("add-user")
@click.argument("name")
@click.option("--key", help="Use this key instead of a random one.")
@click.option("--id", "account_id", type=click.IntRange(1), help="Use this id.")
def add_user(name: str, key: str | None, account_id: int | None) -> None:
    """Add one who may submit, and print the user key."""
    with opened_parts() as parts:
        try:
            added = build_api_keys(parts).add_account(name, apikey=key, account_id=account_id)
        except (AlreadyTakenError, ValueError) as error:
            raise click.ClickException(str(error)) from error
    click.echo(f"user {added.id}: {added.apikey}")


@keys.command("list")
def list_keys() -> None:
    """List applications and users."""
    with opened_parts() as parts:
        api_keys = build_api_keys(parts)
        applications, accounts = api_keys.applications(), api_keys.accounts()
    table = Table("kind", "id", "name", "key", "state")
    for application in applications:
        label, state = f"{application.name} {application.version}", _state(application.active)
        table.add_row("application", str(application.id), label, application.apikey, state)
    for account in accounts:
        table.add_row("user", str(account.id), account.name, account.apikey, _state(account.active))
    Console().print(table)


@keys.command()
@click.argument("key")
def disable(key: str) -> None:
    """Switch a key off; running servers notice within a minute, with Redis within a second."""
    _set_active(key, False)


@keys.command()
@click.argument("key")
def enable(key: str) -> None:
    """Switch a key on again."""
    _set_active(key, True)


def _set_active(key: str, active: bool) -> None:
    with opened_parts() as parts:
        if not build_api_keys(parts).set_active(key, active):
            raise click.ClickException("there is no such key")
    click.echo(f"{_state(active)}: {key}")


def _state(active: bool) -> str:
    return "active" if active else "disabled"
