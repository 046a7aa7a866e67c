"""How commands are told which track is meant, and who says so."""

from __future__ import annotations

import getpass
import uuid

import click

from fpservice.db.fingerprint.track_rows import TrackName
from fpservice.domain.submission import parse_uuid


def track(text: str) -> TrackName:
    """Return the gid of a track, or its number in the database."""
    gid = parse_uuid(text)
    if gid is None and not (text.isascii() and text.isdigit()):
        raise click.BadParameter(f"{text} is neither the gid of a track nor its id")
    return gid or int(text)


def mbid(text: str) -> uuid.UUID:
    """Return a MusicBrainz id."""
    found = parse_uuid(text)
    if found is None:
        raise click.BadParameter(f"{text} is no MusicBrainz id")
    return found


def user_name() -> str:
    """Return under which name somebody is logged in here."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        # In a container users need not have names.
        return "unknown"


by_option = click.option(
    "--by",
    default=user_name,
    show_default="who is logged in",
    help="Who decided it; kept in the history.",
)
