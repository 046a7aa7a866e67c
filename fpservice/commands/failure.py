"""How a command ends that could not do its work."""

from __future__ import annotations

import click


class CommandFailure(click.ClickException):
    """Said in one line; the exit status is 2, as 1 means that nothing was found."""

    exit_code = 2
