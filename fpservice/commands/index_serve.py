"""``fpservice index serve``: the embedded index for other machines."""

from __future__ import annotations

import os
import socket
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from gunicorn.app.base import BaseApplication

from fpservice.config import load_config
from fpservice.index.served.counters import SharedCounters
from fpservice.index.served.metrics import COUNTERS
from fpservice.index.server import IndexServer
from fpservice.observability.logs import configure_logging

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter

_BIND = "127.0.0.1:6081"
_FOLDER = "served-indexes"
# A client that sends nothing for so long, in seconds, has gone; it must not keep a thread.
_SOCKET_SECONDS = 5
# Updates wait for the disk; searches of the same process should not wait with them.
_THREADS = 4


@click.command("serve")
@click.option("--bind", default=_BIND, show_default=True, help="Address and port, or unix:/path.")
@click.option(
    "--path",
    type=click.Path(file_okay=False, path_type=Path),
    help=f"Folder of the indexes; {_FOLDER} in the data directory if not given.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes; one for each processor if not given.",
)
def index_serve(bind: str, path: Path | None, workers: int | None) -> None:
    """Serve indexes over HTTP, as an fpindex server does, until stopped."""
    config = load_config()
    configure_logging(config)
    root = path if path is not None else config.data_dir / _FOLDER
    click.echo(f"indexes in {root} are served at {bind}", err=True)
    _Server(root, bind, workers or os.cpu_count() or 1).run()


class _Server(BaseApplication):  # type: ignore[misc]
    """Gunicorn, with the application of this command and no configuration file."""

    def __init__(self, root: Path, bind: str, workers: int) -> None:
        self._root = root
        self._bind = bind
        self._workers = workers
        self._counters = SharedCounters(COUNTERS)
        super().__init__()

    def load_config(self) -> None:
        settings: dict[str, Any] = {
            "bind": self._bind,
            "workers": self._workers,
            "worker_class": "gthread",
            "threads": _THREADS,
            "keepalive": 75,
            # It would be one socket in the home directory, the same for all of this user.
            "control_socket_disable": True,
            "timeout": 60,
            "graceful_timeout": 30,
            "loglevel": "warning",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "when_ready": _limit_sockets,
            # Each worker counts in a row of its own.
            "post_fork": lambda server, worker: self._counters.use_row(worker.age),
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> IndexServer:
        self._root.mkdir(parents=True, exist_ok=True)
        return IndexServer(self._root, self._counters)


def _limit_sockets(server: Arbiter) -> None:
    """Give every connection a time limit; accepted sockets inherit it from the listener."""
    limit = struct.pack("ll", _SOCKET_SECONDS, 0)
    for listener in server.LISTENERS:
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, limit)
