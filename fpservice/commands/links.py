"""``fpservice links``: which tracks are which recordings of MusicBrainz."""

from __future__ import annotations

import uuid

import click
from rich.table import Table

from fpservice.bootstrap_tracks import build_link_states
from fpservice.commands import named
from fpservice.commands.follow_merged import follow_merged
from fpservice.commands.parts import opened_parts
from fpservice.commands.result_tables import cell, result_console
from fpservice.db.fingerprint.link_changes import PastChange
from fpservice.db.fingerprint.track_rows import TrackName

_NOTE = click.option("--note", required=True, help="Why; kept in the history.")


@click.group()
def links() -> None:
    """Disable links to recordings that are wrong, and follow mergers of recordings."""


links.add_command(follow_merged)


@links.command()
@click.argument("track", type=named.track)
@click.argument("mbid", type=named.mbid)
@_NOTE
@named.by_option
def disable(track: TrackName, mbid: uuid.UUID, note: str, by: str) -> None:
    """Let lookups no longer name a recording for a track, however often it is submitted."""
    _switch(track, mbid, True, note, by)


@links.command()
@click.argument("track", type=named.track)
@click.argument("mbid", type=named.mbid)
@_NOTE
@named.by_option
def enable(track: TrackName, mbid: uuid.UUID, note: str, by: str) -> None:
    """Let lookups name a recording for a track again."""
    _switch(track, mbid, False, note, by)


@links.command()
@click.argument("track", type=named.track)
def history(track: TrackName) -> None:
    """List who changed links of a track, when and why."""
    with opened_parts() as parts:
        changes = build_link_states(parts).history(track)
    result_console().print(_table(changes))


def _switch(track: TrackName, mbid: uuid.UUID, disabled: bool, note: str, by: str) -> None:
    if not note.strip():
        raise click.BadParameter("say why", param_hint="--note")
    with opened_parts() as parts:
        service = build_link_states(parts)
        switched = service.switch(track, mbid, disabled=disabled, by=by, note=note.strip())
    state = _state(disabled)
    for changed in switched.mbids:
        click.echo(f"{state}: track {switched.track}, recording {changed}")
    if not switched.mbids:
        click.echo(f"{state} already, nothing was changed: track {switched.track}, {mbid}")


def _table(changes: list[PastChange]) -> Table:
    table = Table()
    for name in ("when", "who", "recording", "state", "note"):
        table.add_column(name, overflow="fold")
    for one in changes:
        when = one.created.isoformat(sep=" ", timespec="seconds")
        words = (when, one.name, str(one.mbid), _state(one.disabled), one.note)
        table.add_row(*(cell(word) for word in words))
    return table


def _state(disabled: bool) -> str:
    return "disabled" if disabled else "enabled"
