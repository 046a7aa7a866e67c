"""The queue of an installation without a message server: importers look into the outbox."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fpservice.domain.errors import SearchUnavailableError
from fpservice.interfaces import Delivery

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OutboxDelivery:
    """A submission read from the outbox, which forgets it when its outcome is recorded."""

    submission_id: int
    trace: str | None = None

    def done(self) -> None:
        """Do nothing: the outbox has forgotten it."""

    def again(self, delay: float) -> None:
        """Do nothing: the outbox says when it is due."""

    def dead(self, reason: str) -> None:
        """Do nothing: the reason is recorded with the submission."""


class SilentQueue:
    """Announces nothing: the outbox, where importers look, has it already."""

    def publish(self, submission_ids: Sequence[int], *, again: bool = False) -> None:
        """Do nothing."""

    def ping(self) -> None:
        """Return: there is nothing that could be out of reach."""

    def close(self) -> None:
        """Do nothing."""


class PollingConsumer:
    """Looks into the outbox, and sleeps when there is nothing."""

    def __init__(
        self,
        due: Callable[[int], list[int]],
        release: Callable[[Sequence[int], float], None],
        interval: float,
    ) -> None:
        """Look every ``interval`` seconds.

        ``due`` returns submissions that may be imported, at most so many; ``release`` lets others
        have submissions after so many seconds.
        """
        self._due = due
        self._release = release
        self._interval = interval
        self._closed = threading.Event()

    def fetch(self, limit: int, timeout: float) -> list[OutboxDelivery]:
        """Return what is due; if nothing is, sleep for the interval first."""
        found = self._due(limit)
        if not found:
            self._closed.wait(min(self._interval, timeout))
        return [OutboxDelivery(submission_id) for submission_id in found]

    def give_back(self, deliveries: Sequence[Delivery], delay: float) -> None:
        """Let others have them."""
        try:
            self._release([one.submission_id for one in deliveries], delay)
        except SearchUnavailableError as error:
            # They are due again by themselves, a little later.
            log.warning("not given back: %s", error)

    def announce_again(self, submission_ids: Sequence[int]) -> None:
        """Do nothing: they are in the outbox."""

    def close(self) -> None:
        """Let no one sleep any longer."""
        self._closed.set()
