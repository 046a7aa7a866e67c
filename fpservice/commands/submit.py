"""``fpservice submit``: hands in a fingerprint and what is known of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from fpservice.client.errors import ClientError
from fpservice.client.results import SubmissionState
from fpservice.client.server import Server
from fpservice.commands.failure import CommandFailure
from fpservice.commands.server_options import (
    chosen_audio,
    chosen_server,
    chosen_user,
    server_options,
)

_POLL_SECONDS: Final = 0.5
_TEXTS: Final = ("track", "artist", "album", "albumartist")
_NUMBERS: Final = ("year", "trackno", "discno")
_REFUSED: Final = frozenset({"rejected", "failed"})


def _metadata_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        *(click.option(f"--{name}", help="Text of the file's tags.") for name in _TEXTS),
        *(
            click.option(f"--{name}", type=int, help="Number of the file's tags.")
            for name in _NUMBERS
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.argument("source", metavar="FINGERPRINT_OR_AUDIOFILE")
@click.option(
    "--duration",
    type=click.FloatRange(0, min_open=True),
    help="Seconds of the whole recording; needed with a fingerprint.",
)
@click.option(
    "--user",
    envvar="FPSERVICE_USER",
    help="Key of the submitter; a server on this machine is given the demo's. Also FPSERVICE_USER.",
)
@server_options
@click.option("--mbid", multiple=True, help="MusicBrainz recording; may be given several times.")
@_metadata_options
@click.option(
    "--wait",
    type=click.FloatRange(0),
    default=0.0,
    help="Seconds to wait for the import.",
)
def submit(
    source: str,
    duration: float | None,
    user: str | None,
    server: str,
    client: str | None,
    wait: float,
    **metadata: Any,
) -> None:
    """Hand in a fingerprint or an audio file, with what is known of it.

    Exit status: 0 taken in (with --wait: imported), 1 not imported in time, 2 refused or error.
    """
    asked = chosen_server(server, client)
    key = chosen_user(server, user)
    audio = chosen_audio(source, duration)
    try:
        states = asked.submit(key, audio.fingerprint, audio.duration, metadata)
        if wait:
            states = _wait(asked, states, wait)
    except ClientError as error:
        raise CommandFailure(str(error)) from error
    for state in states:
        click.echo(_line(state))
    sys.exit(_exit_status(states, waited=bool(wait)))


def _wait(server: Server, states: list[SubmissionState], seconds: float) -> list[SubmissionState]:
    """Return the states when none is pending any more, or after ``seconds``."""
    until = time.monotonic() + seconds
    while waiting := [s.id for s in states if s.id is not None and s.state == "pending"]:
        pause = min(_POLL_SECONDS, until - time.monotonic())
        if pause <= 0:
            break
        time.sleep(pause)
        known = {state.id: state for state in server.submission_status(waiting)}
        states = [known.get(state.id, state) for state in states]
    return states


def _line(state: SubmissionState) -> str:
    name = "submission" if state.id is None else f"submission {state.id}"
    track = f", track {state.track_id}" if state.track_id else ""
    reason = f": {state.reason}" if state.reason else ""
    return f"{name}: {state.state}{track}{reason}"


def _exit_status(states: Sequence[SubmissionState], *, waited: bool) -> int:
    if not states or any(state.state in _REFUSED for state in states):
        return 2
    return 1 if waited and any(state.state != "imported" for state in states) else 0
