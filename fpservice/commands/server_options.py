"""Options of the commands that ask a server: which one, and with what key."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import click

from fpservice.client.errors import ClientError
from fpservice.client.fpcalc import AudioFingerprint, fingerprint_file
from fpservice.client.server import Server, is_local
from fpservice.commands.failure import CommandFailure
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.fingerprint import decode
from fpservice.services.demo import APPLICATION_KEY, USER_KEY

DEFAULT_SERVER: Final = "http://127.0.0.1:5000"
DEFAULT_META: Final = "recordings releasegroups usermeta compress"
_Command = Callable[..., Any]


def server_options(command: _Command) -> _Command:
    """Add ``--server`` and ``--client``."""
    client = click.option(
        "--client",
        envvar="FPSERVICE_CLIENT",
        help="Key of the application; a server on this machine is asked with the demo's."
        " Also FPSERVICE_CLIENT.",
    )
    server = click.option(
        "--server",
        envvar="FPSERVICE_SERVER",
        default=DEFAULT_SERVER,
        show_default=True,
        help="URL of any AcoustID server, https://api.acoustid.org too. Also FPSERVICE_SERVER.",
    )
    return server(client(command))


def chosen_server(url: str, client: str | None) -> Server:
    """Return the server to ask.

    Raises:
        CommandFailure: no URL, or a key is needed.
    """
    key = client or (APPLICATION_KEY if is_local(url) else None)
    if key is None:
        raise CommandFailure(f"{url} needs a key: name one with --client or FPSERVICE_CLIENT")
    try:
        return Server(url, key)
    except ClientError as error:
        raise CommandFailure(str(error)) from error


def chosen_user(url: str, user: str | None) -> str:
    """Return the key of the one who submits.

    Raises:
        CommandFailure: a key is needed.
    """
    key = user or (USER_KEY if is_local(url) else None)
    if key is None:
        raise CommandFailure(f"{url} needs a user's key: name one with --user or FPSERVICE_USER")
    return key


def chosen_audio(source: str, duration: float | None) -> AudioFingerprint:
    """Return the fingerprint that is meant: of an audio file, or the text itself.

    Raises:
        CommandFailure: neither, no duration for a text, or the file cannot be read.
    """
    if os.path.isfile(source):
        return _of_file(source, duration)
    try:
        decode(source)
    except InvalidFingerprintError as error:
        shown = source if len(source) <= 80 else f"{source[:80]}…"
        raise CommandFailure(f"{shown}: neither a file nor a fingerprint ({error})") from error
    if duration is None:
        raise CommandFailure("a fingerprint needs --duration: the seconds of the whole recording")
    return AudioFingerprint(source, duration)


def _of_file(source: str, duration: float | None) -> AudioFingerprint:
    try:
        audio = fingerprint_file(Path(source))
    except ClientError as error:
        raise CommandFailure(str(error)) from error
    return audio if duration is None else AudioFingerprint(audio.fingerprint, duration)
