"""A connection to NATS with an event loop of its own, for programs that have none."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, Final, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from fpservice.config_options import NatsOptions

log = logging.getLogger(__name__)

_RECONNECT_WAIT: Final = 0.5
_MAX_RECONNECT_WAIT: Final = 5.0
_CLOSING: Final = 1.0
# A connection that has lasted so long was a good one: what ends it is something new.
_GOOD_AFTER: Final = 10.0

T = TypeVar("T")


class NatsConnection:
    """Connects in the background, and again whenever the connection is lost.

    The thread and its loop are made at the first use in a process, so an instance may be made
    before a fork.
    """

    def __init__(self, options: NatsOptions) -> None:
        """Nothing is connected yet."""
        self._options = options
        self._lock = threading.Lock()
        self._process: int | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: Client | None = None
        self._connecting: asyncio.Task[None] | None = None

    @property
    def is_connected(self) -> bool:
        """Whether a server answers as far as is known."""
        self._start()
        return self._client is not None and self._client.is_connected

    @property
    def client(self) -> Client | None:
        """The client of the present connection, for what runs in the loop."""
        return self._client

    def jetstream(self, timeout: float) -> JetStreamContext:
        """Return the JetStream of the connection; ``timeout`` in seconds for each request."""
        assert self._client is not None
        return self._client.jetstream(timeout=timeout)

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Have the loop do the work, and return at once."""
        self._start()
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        """Close the connection and end the thread."""
        with self._lock:
            loop, client, connecting = self._loop, self._client, self._connecting
            self._loop = self._client = self._connecting = self._process = None
        if loop is None:
            return

        async def end() -> None:
            if connecting is not None:
                connecting.cancel()
            if client is not None:
                await client.close()
            loop.call_soon(loop.stop)

        ended = asyncio.run_coroutine_threadsafe(end(), loop)
        with suppress(Exception):
            # What is in its buffer still goes out.
            ended.result(_CLOSING)

    def _start(self) -> None:
        with self._lock:
            if self._process == os.getpid():
                return
            self._process = os.getpid()
            self._client = None
            self._loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(self._loop,), name="nats", daemon=True)
            thread.start()
            self._loop.call_soon_threadsafe(self._begin, self._loop)

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        self._connecting = loop.create_task(self._connect())

    async def _connect(self) -> None:
        """Connect, and anew when the client has given up.

        It connects again by itself when a connection is lost, but not after most errors that a
        server can report: too many connections, or a login that is not valid any more.
        """
        pause = _RECONNECT_WAIT
        while True:
            began = time.monotonic()
            try:
                self._client = await nats.connect(**self._arguments())
                await _closed(self._client)
            except Exception as error:
                # Of any kind: what is no NATS at that address says what the client cannot read.
                log.warning("NATS does not answer: %s", type(error).__name__)
            else:
                log.warning("NATS has ended the connection; another one follows")
            if time.monotonic() - began > _GOOD_AFTER:
                pause = _RECONNECT_WAIT
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MAX_RECONNECT_WAIT)

    def _arguments(self) -> dict[str, Any]:
        options = self._options
        arguments: dict[str, Any] = {
            "servers": list(options.servers),
            "name": "fpservice",
            "connect_timeout": options.connect_timeout,
            "max_reconnect_attempts": -1,
            "reconnect_time_wait": _RECONNECT_WAIT,
            "error_cb": _note_error,
            "ping_interval": 5,
        }
        given = {"user": options.user, "password": options.password, "token": options.token}
        return {**arguments, **{name: value for name, value in given.items() if value}}


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()


async def _closed(client: Client) -> None:
    """Return when the client has given up; it does not always call back then."""
    while not client.is_closed:
        trying = client._reconnection_task
        if not client.is_connected and trying is not None and trying.done():
            # It ended with an error that the client did not foresee, and tries no more.
            await client.close()
            return
        await asyncio.sleep(_RECONNECT_WAIT)


async def _note_error(error: Exception) -> None:
    log.warning("NATS: %s", type(error).__name__)
