"""Announces submissions through NATS JetStream."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Final

import nats.errors
from nats.js.errors import Error as JetStreamError

from fpservice.config_options import NatsOptions
from fpservice.domain.errors import QueueUnavailableError
from fpservice.interfaces import Metrics
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_stream import REQUEST_ID, submitted_subject
from fpservice.observability.logs import request_id

log = logging.getLogger(__name__)

# Announcements under way at once; what is over it is left to the sweeper of the workers.
MAX_PENDING: Final = 1000
_ACK_TIMEOUT: Final = 2.0


class NatsQueue:
    """Publishes one message a submission, its id only, and never keeps a request waiting long."""

    def __init__(self, connection: NatsConnection, options: NatsOptions, metrics: Metrics) -> None:
        """Nothing is connected yet."""
        self._connection = connection
        self._subject = submitted_subject(options.stream)
        self._timeout = options.publish_timeout
        self._metrics = metrics
        self._pending = 0

    def publish(self, submission_ids: Sequence[int], *, again: bool = False) -> None:
        """Announce submissions; what cannot be announced in time is only counted.

        ``again``: an earlier announcement does not make this one a duplicate.
        """
        ids = list(submission_ids)
        if not self._connection.is_connected or self._pending + len(ids) > MAX_PENDING:
            self._metrics.count("nats.publish.skipped", len(ids))
            return
        names = {id: f"{id}.{uuid.uuid4().hex}" if again else str(id) for id in ids}
        future = self._connection.submit(self._publish(names, request_id.get()))
        try:
            future.result(self._timeout)
        except (FutureTimeoutError, TimeoutError):
            # It goes on in the background; the sweeper sees to it if it comes to nothing.
            self._metrics.count("nats.publish.late", len(ids))

    def ping(self) -> None:
        """Return if a server answers.

        Raises:
            QueueUnavailableError: none does.
        """
        if not self._connection.is_connected:
            raise QueueUnavailableError("NATS is not connected")

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    async def _publish(self, names: Mapping[int, str], trace: str | None) -> None:
        self._pending += len(names)
        try:
            await asyncio.gather(*(self._publish_one(*one, trace) for one in names.items()))
        finally:
            self._pending -= len(names)

    async def _publish_one(self, submission_id: int, name: str, trace: str | None) -> None:
        # JetStream drops a second message with the same name.
        headers = {"Nats-Msg-Id": name}
        if trace:
            headers[REQUEST_ID] = trace
        try:
            await self._connection.jetstream(_ACK_TIMEOUT).publish(
                self._subject, str(submission_id).encode(), headers=headers
            )
            self._metrics.count("nats.published")
        except (TimeoutError, nats.errors.Error, JetStreamError, OSError) as error:
            self._metrics.count("nats.publish.errors")
            log.warning("submission %d was not announced: %s", submission_id, type(error).__name__)
