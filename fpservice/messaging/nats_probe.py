"""A look at NATS from outside: does it answer, and has it what submissions travel through?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import nats
import nats.errors
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError

from fpservice.config_options import NatsOptions
from fpservice.domain.errors import QueueUnavailableError


class NoStreamError(Exception):
    """NATS answers, but has no stream, or no consumer of it."""


@dataclass(frozen=True, slots=True)
class StreamReport:
    """How many announcements wait, and how many are at a worker."""

    waiting: int
    under_way: int


def look_at_stream(options: NatsOptions, time_limit: float) -> StreamReport:
    """Return how the stream and its consumer are; nothing is changed.

    Raises:
        QueueUnavailableError: no server answers in ``time_limit`` seconds, or it lets us not in.
        NoStreamError: there is no stream or no consumer.
    """
    try:
        return asyncio.run(asyncio.wait_for(_look(options, time_limit / 2), time_limit))
    except NotFoundError as error:
        raise NoStreamError(
            f"there is no stream {options.stream} with a consumer {options.consumer}"
        ) from error
    except (TimeoutError, OSError, nats.errors.Error, JetStreamError) as error:
        raise QueueUnavailableError(f"NATS: {type(error).__name__}") from error


async def _look(options: NatsOptions, patience: float) -> StreamReport:
    client = await nats.connect(
        servers=list(options.servers),
        name="fpservice doctor",
        connect_timeout=min(options.connect_timeout, patience),
        allow_reconnect=False,
        error_cb=_keep_quiet,
        **_login(options),
    )
    try:
        return await _report(client.jetstream(timeout=patience), options)
    finally:
        await client.close()


async def _report(jetstream: JetStreamContext, options: NatsOptions) -> StreamReport:
    await jetstream.stream_info(options.stream)
    consumer = await jetstream.consumer_info(options.stream, options.consumer)
    return StreamReport(consumer.num_pending or 0, consumer.num_ack_pending or 0)


def _login(options: NatsOptions) -> dict[str, str]:
    given = {"user": options.user, "password": options.password, "token": options.token}
    return {name: value for name, value in given.items() if value}


async def _keep_quiet(error: Exception) -> None:
    """Say nothing: what matters is raised."""
