"""A real server, ``fpservice serve``, with the recorded catalogue and its MusicBrainz."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.musicbrainz_data import load_musicbrainz
from tests.recorded.dataset import load_dataset
from tests.recorded.request import Server
from tests.services import PostgresServer, ServerProcess
from tests.services.process import server_directory
from tests.shapes import Shape

HOST = "127.0.0.1"


def recorded_musicbrainz(server: PostgresServer) -> str:
    """Create the part of MusicBrainz that the catalogue refers to, and return its URL."""
    url = server.create_database("recorded_musicbrainz")
    load_musicbrainz(url)
    return url


@contextmanager
def served(shape: Shape, musicbrainz_url: str, *, worker: bool) -> Iterator[Server]:
    """Load the catalogue into an empty installation and serve it until the end of the block.

    Names come from the database at ``musicbrainz_url``, which is only read. Without ``worker``
    nothing that is submitted is imported.
    """
    with tempfile.TemporaryDirectory(prefix="fpservice-test-data-") as data:
        variables = shape.variables(Path(data)) | {
            "ACOUSTID_DATABASE_MUSICBRAINZ_URL": musicbrainz_url,
            "ACOUSTID_WORKER_POLL_INTERVAL": "0.02",
        }
        load_dataset(variables)
        port, process = ServerProcess.on_free_port(lambda port: _serve(variables, port, worker))
        try:
            yield Server(HOST, port)
        finally:
            process.stop()
            shape.empty()


def _serve(variables: Mapping[str, str], port: int, worker: bool) -> ServerProcess:
    settings = [f"{name}={value}" for name, value in variables.items()]
    program = [sys.executable, "-m", "fpservice.cli", "serve", "--no-demo", f"--port={port}"]
    return ServerProcess(
        ["env", *settings, *program, "--worker" if worker else "--no-worker"],
        server_directory("serve"),
        ready=f"fpservice answers at http://{HOST}:{port}",
    )
