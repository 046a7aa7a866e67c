"""Announces submissions through NATS JetStream."""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Final

from fpservice.config_options import NatsOptions
from fpservice.domain.errors import QueueUnavailableError
from fpservice.interfaces import Metrics
from fpservice.messaging.nats_announcer import Announcement, NatsAnnouncer
from fpservice.messaging.nats_connection import NatsConnection
from fpservice.messaging.nats_stream import submitted_subject
from fpservice.observability.logs import request_id

log = logging.getLogger(__name__)

# Announcements under way at once; what is over it is left to the sweeper of the workers.
MAX_PENDING: Final = 1000
# How long others are waited for, in seconds: several messages in one packet, and their
# acknowledgements in another, take half the processor time.
_GATHERING: Final = 0.01


class NatsQueue:
    """Publishes one message a submission, its id only, and keeps no request waiting.

    Whether a message was stored is seen in the background, and only counted: the outbox has what it
    announces.
    """

    def __init__(self, connection: NatsConnection, options: NatsOptions, metrics: Metrics) -> None:
        """Nothing is connected yet."""
        self._connection = connection
        self._timeout = options.publish_timeout
        self._metrics = metrics
        self._announcer = NatsAnnouncer(submitted_subject(options.stream), self._timeout, metrics)
        self._lock = threading.Lock()
        self._given: deque[Announcement] = deque()
        # The loop takes all of it in turn; whoever comes meanwhile need not wake it.
        self._is_taking = False
        self._last: Future[None] | None = None

    def publish(self, submission_ids: Sequence[int], *, again: bool = False) -> None:
        """Announce submissions; what cannot be announced is only counted.

        ``again``: an earlier announcement does not make this one a duplicate.
        """
        ids = list(submission_ids)
        pending = len(self._given) + self._announcer.pending
        if not self._connection.is_connected or pending + len(ids) > MAX_PENDING:
            self._metrics.count("nats.publish.skipped", len(ids))
            return
        trace = request_id.get()
        for id in ids:
            name = f"{id}.{uuid.uuid4().hex}" if again else str(id)
            self._give(Announcement(id, name, trace))

    def ping(self) -> None:
        """Return if a server answers.

        Raises:
            QueueUnavailableError: none does.
        """
        if not self._connection.is_connected:
            raise QueueUnavailableError("NATS is not connected")

    def close(self) -> None:
        """Close the connection; what was just announced still has its time."""
        if self._last is not None:
            with suppress(Exception):
                self._last.result(self._timeout)
        self._connection.close()

    def _give(self, one: Announcement) -> None:
        with self._lock:
            self._given.append(one)
            if self._is_taking:
                return
            self._is_taking = True
        taking = self._take()
        try:
            self._last = self._connection.submit(taking)
        except RuntimeError as error:
            # The loop has ended, as the process does, or no thread can be started.
            taking.close()
            self._stop_taking()
            log.warning("submission %d was not announced: %s", one.submission_id, error)

    async def _take(self) -> None:
        try:
            await asyncio.sleep(_GATHERING)
            while (one := self._next()) is not None:
                await self._announcer.announce(self._connection.client, one)
        except BaseException:
            self._stop_taking()
            raise

    def _stop_taking(self) -> None:
        with self._lock:
            self._is_taking = False

    def _next(self) -> Announcement | None:
        with self._lock:
            self._is_taking = bool(self._given)
            return self._given.popleft() if self._given else None
