"""Messages to JetStream that nobody waits for."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Final

import msgspec
import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import Header

from fpservice.interfaces import Metrics
from fpservice.messaging.nats_stream import REQUEST_ID

log = logging.getLogger(__name__)

# A message that is not acknowledged by then was lost, in seconds.
_ACK_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class Announcement:
    """A submission; JetStream drops a second message with the same ``name``."""

    submission_id: int
    name: str
    trace: str | None


class _Acknowledgement(msgspec.Struct):
    """What JetStream answers, as far as it matters here."""

    seq: int = 0


class NatsAnnouncer:
    """Publishes, and counts what becomes of it. All of it runs in the loop of the connection.

    A request and a task for each message, as the client has it, cost several times as much as one
    subscription for all acknowledgements.
    """

    def __init__(self, subject: str, timeout: float, metrics: Metrics) -> None:
        """What takes more than ``timeout`` seconds is counted as late."""
        self._subject = subject
        self._timeout = timeout
        self._metrics = metrics
        self._client: Client | None = None
        self._inbox = ""
        # When each was sent, the oldest first.
        self._sent: dict[str, tuple[Announcement, float]] = {}
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> int:
        """How many are not acknowledged yet."""
        return len(self._sent)

    async def announce(self, client: Client | None, one: Announcement) -> None:
        """Send one; that it cannot be sent is counted."""
        headers = {Header.MSG_ID.value: one.name}
        if one.trace:
            headers[REQUEST_ID] = one.trace
        self._sent[one.name] = (one, time.monotonic())
        self._watch()
        try:
            if client is None:
                raise nats.errors.ConnectionClosedError
            if client is not self._client:
                await self._listen(client)
            await client.publish(
                self._subject,
                str(one.submission_id).encode(),
                reply=self._inbox + one.name,
                headers=headers,
            )
        except Exception as error:
            # Of any kind: nothing that the client does may end what announces all others.
            self._failed(one.name, type(error).__name__)

    async def _listen(self, client: Client) -> None:
        inbox = f"{client.new_inbox()}."
        await client.subscribe(f"{inbox}>", cb=self._acknowledged)
        self._inbox, self._client = inbox, client

    async def _acknowledged(self, message: Msg) -> None:
        name = message.subject[len(self._inbox) :]
        found = self._sent.get(name)
        if found is None:
            return
        try:
            stored = msgspec.json.decode(message.data, type=_Acknowledgement).seq > 0
        except msgspec.DecodeError:
            # Nothing at all: there is no such stream.
            stored = False
        if not stored:
            self._failed(name, "no stream has stored it")
            return
        del self._sent[name]
        self._metrics.count("nats.published")
        if time.monotonic() - found[1] > self._timeout:
            self._metrics.count("nats.publish.late")

    def _failed(self, name: str, reason: str) -> None:
        found = self._sent.pop(name, None)
        if found is not None:
            self._metrics.count("nats.publish.errors")
            log.warning("submission %d was not announced: %s", found[0].submission_id, reason)

    def _watch(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_ACK_TIMEOUT / 2, self._give_up)

    def _give_up(self) -> None:
        """Count what was never acknowledged."""
        self._timer = None
        before = time.monotonic() - _ACK_TIMEOUT
        for name in [name for name, (_, sent) in self._sent.items() if sent <= before]:
            self._failed(name, "no acknowledgement")
        if self._sent:
            self._watch()
