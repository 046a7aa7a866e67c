"""NATS ends connections with an error: they come back by themselves when it allows them again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from fpservice.config_options import NatsOptions
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_queue import NatsQueue
from fpservice.observability.metrics import NullMetrics
from tests.faults.test_nats import eventually
from tests.services import NatsServer

TOKEN = "of-the-tests"


@pytest.fixture
def server() -> Iterator[NatsServer]:
    """A NATS whose options a test may change."""
    own = NatsServer.start_own()
    yield own
    own.stop()


def test_too_many_connections(server: NatsServer) -> None:
    options = NatsOptions(servers=(server.url,))
    with ExitStack() as opened:
        all = [opened.enter_context(closing(NatsConnection(options))) for _ in range(3)]
        eventually(lambda: sum(one.is_connected for one in all) == 3)
        server.configure("max_connections: 1")
        eventually(lambda: sum(one.is_connected for one in all) == 1)
        # Whoever has something to announce does not wait for it.
        queue = NatsQueue(all[-1], options, NullMetrics())
        began = time.monotonic()
        queue.publish([1])
        assert time.monotonic() - began < 1
        server.configure("max_connections: 100")
        eventually(lambda: sum(one.is_connected for one in all) == 3)


def test_another_token_for_a_while(server: NatsServer) -> None:
    server.configure(f"authorization {{ token: {TOKEN} }}")
    options = NatsOptions(servers=(server.url,), token=TOKEN)
    with closing(NatsConnection(options)) as connection:
        eventually(lambda: connection.is_connected)
        server.configure("authorization { token: of-somebody-else }")
        eventually(lambda: not connection.is_connected)
        # So long that it gives up.
        time.sleep(3)
        server.configure(f"authorization {{ token: {TOKEN} }}")
        eventually(lambda: connection.is_connected)
