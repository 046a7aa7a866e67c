"""What the commands do so that Prometheus can be told of what they and their programs count."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from fpservice.commands.supervisor import Program
from fpservice.observability.listener import MetricsServer, listening
from fpservice.observability.metrics_directory import VARIABLE, metrics_directory


@contextmanager
def counting_beside(address: str | None) -> Iterator[list[Program]]:
    """Have all programs count in one directory; yield the one that tells Prometheus of it.

    Raises:
        click.ClickException: nothing can listen at the address.
    """
    os.environ.pop(VARIABLE, None)
    if address is None:
        yield []
        return
    with metrics_directory() as directory:
        with _said("[prometheus] listen", address):
            # Only to see that it can be had; the program that keeps it is started with the others.
            MetricsServer(address, directory).server_close()
        os.environ[VARIABLE] = str(directory)
        command = [sys.executable, "-m", "fpservice.observability.listener"]
        yield [Program("metrics", [*command, address, str(directory)], os.environ, essential=False)]


@contextmanager
def counting_here(address: str | None) -> Iterator[None]:
    """Tell Prometheus of this process, unless it is one of those that somebody else tells of.

    Raises:
        click.ClickException: nothing can listen at the address.
    """
    if address is None or VARIABLE in os.environ:
        yield
        return
    with metrics_directory() as directory:
        os.environ[VARIABLE] = str(directory)
        with _said("[prometheus] worker_listen", address):
            server = MetricsServer(address, directory)
        with listening(server):
            yield


@contextmanager
def _said(option: str, address: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise click.ClickException(f"cannot listen on {address} ({reason}): {option}") from error
