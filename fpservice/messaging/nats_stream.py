"""The stream and the consumer that submissions travel through, and how they are to be."""

from __future__ import annotations

from typing import Final

from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
)
from nats.js.errors import BadRequestError, NotFoundError

from fpservice.config_options import NatsOptions

REQUEST_ID: Final = "X-Request-Id"
_DAY: Final = 24 * 3600.0
# Beyond this the oldest announcements go; the outbox has the submissions all the same.
_MAX_MESSAGES: Final = 1_000_000
_DUPLICATE_WINDOW: Final = 120.0


def submitted_subject(stream: str) -> str:
    """Return where submissions are announced."""
    return f"{stream}.submitted"


def dead_subject(stream: str) -> str:
    """Return where submissions go that have failed for good."""
    return f"{stream}.dead"


async def keep_stream(jetstream: JetStreamContext, options: NatsOptions) -> None:
    """Create the streams and the consumer, or change them to what they are to be.

    Raises:
        nats.errors.Error: the server does not answer, or has them in a form that cannot change.
    """
    for config in (_submitted(options), _dead(options)):
        try:
            await jetstream.add_stream(config)
        except BadRequestError:
            await jetstream.update_stream(config)
    # Adding a consumer that is there already changes it.
    await jetstream.add_consumer(options.stream, _consumer(options))


async def is_kept(jetstream: JetStreamContext, options: NatsOptions) -> bool:
    """Whether the consumer is there; a wiped server has forgotten it."""
    try:
        await jetstream.consumer_info(options.stream, options.consumer)
    except NotFoundError:
        return False
    return True


def _submitted(options: NatsOptions) -> StreamConfig:
    return StreamConfig(
        name=options.stream,
        description="submissions that wait for their import",
        subjects=[submitted_subject(options.stream)],
        retention=RetentionPolicy.WORK_QUEUE,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_msgs=_MAX_MESSAGES,
        max_age=7 * _DAY,
        duplicate_window=_DUPLICATE_WINDOW,
    )


def _dead(options: NatsOptions) -> StreamConfig:
    return StreamConfig(
        name=f"{options.stream}_dead",
        description="submissions that have failed for good",
        subjects=[dead_subject(options.stream)],
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_msgs=100_000,
        max_age=90 * _DAY,
    )


def _consumer(options: NatsOptions) -> ConsumerConfig:
    return ConsumerConfig(
        durable_name=options.consumer,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=options.ack_wait,
        max_ack_pending=options.max_ack_pending,
        # Of a submission's own errors the database keeps the count; this ends what kills workers.
        max_deliver=options.max_deliver,
        filter_subject=submitted_subject(options.stream),
    )
