"""TCP ports for servers under test."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress

# Below those that the system gives to outgoing connections, of which one may take a port between
# our look at it and the start of its server.
LOWEST, HIGHEST = 10_000, 32_767
ATTEMPTS = 1000


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listened on a moment ago.

    It is drawn by lot, so that tests that run side by side hardly ever get the same.

    Raises:
        OSError: all that were tried are taken.
    """
    for _ in range(ATTEMPTS):
        port = LOWEST + secrets.randbelow(HIGHEST - LOWEST + 1)
        with suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(f"no port from {LOWEST} to {HIGHEST} is free")
