"""A real server, ``fpservice serve``, that holds the recorded catalogue."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.installation import environment
from tests.recorded.dataset import load_dataset
from tests.recorded.request import Server
from tests.services import DatabaseUrls, ServerProcess
from tests.services.process import server_directory

HOST = "127.0.0.1"


@contextmanager
def served(urls: DatabaseUrls, *, worker: bool) -> Iterator[Server]:
    """Load the catalogue into empty databases and serve it until the end of the block.

    Without ``worker`` nothing that is submitted is imported.
    """
    with tempfile.TemporaryDirectory(prefix="fpservice-test-data-") as data:
        variables = environment(urls, Path(data)) | {"ACOUSTID_WORKER_POLL_INTERVAL": "0.02"}
        load_dataset(variables)
        port, process = ServerProcess.on_free_port(lambda port: _serve(variables, port, worker))
        try:
            yield Server(HOST, port)
        finally:
            process.stop()


def _serve(variables: Mapping[str, str], port: int, worker: bool) -> ServerProcess:
    settings = [f"{name}={value}" for name, value in variables.items()]
    program = [sys.executable, "-m", "fpservice.cli", "serve", "--no-demo", f"--port={port}"]
    return ServerProcess(
        ["env", *settings, *program, "--worker" if worker else "--no-worker"],
        server_directory("serve"),
        ready=f"fpservice answers at http://{HOST}:{port}",
    )
