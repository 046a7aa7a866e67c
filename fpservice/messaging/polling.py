"""The queue of an installation without a message server: importers look into the outbox."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass


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

    def publish(self, submission_ids: Sequence[int]) -> None:
        """Do nothing."""

    def ping(self) -> None:
        """Return: there is nothing that could be out of reach."""

    def close(self) -> None:
        """Do nothing."""


class PollingConsumer:
    """Looks into the outbox, and sleeps when there is nothing."""

    def __init__(self, due: Callable[[int], list[int]], interval: float) -> None:
        """``due`` returns submissions that may be imported; look every ``interval`` seconds."""
        self._due = due
        self._interval = interval
        self._closed = threading.Event()

    def fetch(self, limit: int, timeout: float) -> list[OutboxDelivery]:
        """Return what is due; if nothing is, sleep for the interval first."""
        found = self._due(limit)
        if not found:
            self._closed.wait(min(self._interval, timeout))
        return [OutboxDelivery(submission_id) for submission_id in found]

    def announce_again(self, submission_ids: Sequence[int]) -> None:
        """Do nothing: they are in the outbox."""

    def close(self) -> None:
        """Let no one sleep any longer."""
        self._closed.set()
