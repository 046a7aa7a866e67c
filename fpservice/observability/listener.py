"""Answers ``/_metrics`` on a port of its own, in a process of its own or in a thread of one.

``python -m fpservice.observability.listener ADDRESS DIRECTORY`` does so until it is stopped.
"""

from __future__ import annotations

import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any, Final

from prometheus_client import CONTENT_TYPE_LATEST

from fpservice.observability.exposition import exposition
from fpservice.observability.metrics_directory import Totals

PATH: Final = "/_metrics"
_MOST_AT_ONCE: Final = 8
_FOLD_EVERY: Final = 5.0


class MetricsServer(ThreadingHTTPServer):
    """Serves what the processes of a directory have counted."""

    daemon_threads = True

    def __init__(self, address: str, directory: Path) -> None:
        """Listen at ``host:port``.

        Raises:
            OSError: that is not possible.
        """
        host, _, port = address.rpartition(":")
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.totals = Totals(directory)
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._folded = time.monotonic()
        super().__init__((host.strip("[]"), int(port)), _Handler)

    def service_actions(self) -> None:
        """Keep the directory small, whether anybody asks or not."""
        if time.monotonic() - self._folded > _FOLD_EVERY:
            self._folded = time.monotonic()
            self.totals.fold()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread, if there are not too many already."""
        if self._slots.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def server_bind(self) -> None:
        """Bind, without asking a name server for the name of this machine."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say in one line what went wrong; a client that went away is none of that."""
        error = sys.exc_info()[1]
        if not isinstance(error, ConnectionError | TimeoutError):
            sys.stderr.write(f"metrics: {type(error).__name__}: {error}\n")


class _Handler(BaseHTTPRequestHandler):
    timeout = 5.0
    server_version = "fpservice"
    sys_version = ""
    server: MetricsServer

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = exposition(self.server.totals)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", CONTENT_TYPE_LATEST)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Keep quiet: it is asked several times a minute."""


@contextmanager
def listening(server: MetricsServer) -> Iterator[None]:
    """Serve in a thread until the block ends."""
    with server:
        thread = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def main() -> None:
    """Serve until SIGTERM; Ctrl-C is left to whoever started this."""
    address, directory = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    with MetricsServer(address, Path(directory)) as server:
        server.serve_forever()


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
