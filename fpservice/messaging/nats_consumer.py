"""Brings submissions from NATS JetStream to an importer."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, Final, TypeVar

import nats.errors
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from fpservice.config_options import NatsOptions
from fpservice.domain.errors import QueueUnavailableError
from fpservice.interfaces import Delivery, Metrics
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_stream import (
    REQUEST_ID,
    dead_subject,
    is_kept,
    keep_stream,
    submitted_subject,
)

log = logging.getLogger(__name__)

_ANSWER_TIMEOUT: Final = 5.0
# Announcing again once in this time does; JetStream drops the others as duplicates.
_AGAIN_PERIOD: Final = 60.0
_ERRORS: Final = (nats.errors.Error, JetStreamError, asyncio.TimeoutError, OSError)

T = TypeVar("T")


class NatsDelivery:
    """One message of the stream.

    Outcomes: ``done`` acknowledges, ``again`` asks for a delayed redelivery, ``dead`` ends it and
    puts word of it on the subject of the dead. A lost acknowledgement is no harm: the submission
    comes again and is found imported.
    """

    def __init__(self, consumer: NatsConsumer, message: Msg, submission_id: int) -> None:
        """Acknowledge through ``consumer``."""
        self._consumer = consumer
        self._message = message
        self.submission_id = submission_id
        self.trace = (message.headers or {}).get(REQUEST_ID)

    def done(self) -> None:
        """Acknowledge."""
        self._consumer.tell(self._message.ack())

    def again(self, delay: float) -> None:
        """Ask for it again, after ``delay`` seconds."""
        self._consumer.tell(self._message.nak(delay=delay))

    def dead(self, reason: str) -> None:
        """End it, and put word of it where the dead go."""
        self._consumer.bury(self.submission_id, reason)
        self._consumer.tell(self._message.term())


class NatsConsumer:
    """A pull consumer that any number of importers share."""

    def __init__(self, connection: NatsConnection, options: NatsOptions, metrics: Metrics) -> None:
        """Nothing is connected yet."""
        self._connection = connection
        self._options = options
        self._metrics = metrics
        self._subscription: JetStreamContext.PullSubscription | None = None
        self._closed = threading.Event()

    def fetch(self, limit: int, timeout: float) -> list[NatsDelivery]:
        """Return what has come, or nothing after ``timeout`` seconds.

        Raises:
            QueueUnavailableError: no server answers, or it has no stream and takes none.
        """
        if not self._connection.is_connected:
            self._subscription = None
            raise QueueUnavailableError("NATS is not connected")
        try:
            messages = self._wait(self._fetch(limit, timeout), timeout + _ANSWER_TIMEOUT)
        except _ERRORS as error:
            self._subscription = None
            raise QueueUnavailableError(f"NATS: {type(error).__name__}") from error
        return [one for message in messages if (one := self._delivery(message))]

    def give_back(self, deliveries: Sequence[Delivery], delay: float) -> None:
        """Ask for all of them again."""
        for one in deliveries:
            one.again(delay)

    def announce_again(self, submission_ids: Sequence[int]) -> None:
        """Announce submissions whose first announcement may be lost."""
        if submission_ids and self._connection.is_connected:
            try:
                self._wait(self._announce_again(submission_ids), _ANSWER_TIMEOUT)
                self._metrics.count("nats.announced_again", len(submission_ids))
            except _ERRORS as error:
                log.warning("not announced again: %s", type(error).__name__)

    def bury(self, submission_id: int, reason: str) -> None:
        """Put word of a failed submission where the dead go."""
        headers = {"Nats-Msg-Id": f"{submission_id}.{int(time.time())}", "Reason": _line(reason)}
        jetstream = self._connection.jetstream(_ANSWER_TIMEOUT)
        subject = dead_subject(self._options.stream)
        self.tell(jetstream.publish(subject, str(submission_id).encode(), headers=headers))

    def tell(self, work: Coroutine[Any, Any, Any]) -> None:
        """Have something told to the server; if it cannot be, that is only counted."""
        try:
            self._wait(work, _ANSWER_TIMEOUT)
        except _ERRORS as error:
            self._metrics.count("nats.errors")
            log.warning("NATS was not told: %s", type(error).__name__)

    def close(self) -> None:
        """Close the connection."""
        self._closed.set()
        self._connection.close()

    def _wait(self, work: Coroutine[Any, Any, T], timeout: float) -> T:
        future = self._connection.submit(work)
        try:
            return future.result(timeout)
        except FutureTimeoutError as error:
            future.cancel()
            raise TimeoutError("NATS does not answer in time") from error

    async def _fetch(self, limit: int, timeout: float) -> list[Msg]:
        jetstream = self._connection.jetstream(_ANSWER_TIMEOUT)
        if self._subscription is None:
            await keep_stream(jetstream, self._options)
            self._subscription = await jetstream.pull_subscribe_bind(
                consumer=self._options.consumer, stream=self._options.stream
            )
        try:
            return await self._subscription.fetch(limit, timeout=timeout)
        except (TimeoutError, nats.errors.TimeoutError):
            # Nothing has come, unless the server was wiped and knows no consumer any more.
            if not await is_kept(jetstream, self._options):
                self._subscription = None
            return []

    def _delivery(self, message: Msg) -> NatsDelivery | None:
        try:
            return NatsDelivery(self, message, int(message.data))
        except ValueError:
            log.error("a message that names no submission is dropped")
            self.tell(message.term())
            return None

    async def _announce_again(self, submission_ids: Sequence[int]) -> None:
        jetstream = self._connection.jetstream(_ANSWER_TIMEOUT)
        period = int(time.time() / _AGAIN_PERIOD)
        subject = submitted_subject(self._options.stream)
        await asyncio.gather(
            *(
                jetstream.publish(
                    subject, str(id).encode(), headers={"Nats-Msg-Id": f"{id}.{period}"}
                )
                for id in submission_ids
            )
        )


def _line(text: str) -> str:
    """Return text that may stand in a header."""
    return text.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ")[:200]
