"""Which submissions may be imported together, and which have been tried too often.

Nobody can say that a submission kills the process that imports it (a fault of compiled code, too
much memory) but who comes after. So each try is noted before it begins. What is found with a try
that never ended is imported alone from then on: its companions are free of the suspicion at once,
and what is killed alone again and again has failed. That a process is killed now and then does no
harm to a submission: it would have to be the one at hand each time.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from fpservice.db.ingest.submissions import Outcome, attempts, postpone, record_outcomes
from fpservice.db.ingest.tries import (
    OpenTries,
    begin_alone,
    begin_together,
    end_tries,
    open_tries,
)
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError
from fpservice.domain.submission import State

KILLED: Final = "the process that imported it was killed, again and again"
_MAX_DELAY: Final = 300.0
# A process that was killed has left what it had begun alone for so many seconds at least.
_LEAST_DELAY: Final = 10.0


@dataclass(frozen=True, slots=True)
class Begun:
    """Submissions whose try has begun, or else one that is not to be tried any more."""

    ids: Sequence[int]
    hopeless: int | None = None


class ImportTries:
    """Counts tries in the outbox."""

    def __init__(self, ingest: Database, max_attempts: int, retry_delay: float) -> None:
        """Give up after ``max_attempts``; ``retry_delay`` in seconds, doubling."""
        self._ingest = ingest
        self._max_attempts = max_attempts
        self._retry_delay = retry_delay
        # Tries that have ended and are not noted to have: the database did not answer.
        self._ended: list[Collection[int]] = []

    def begin(self, ids: Sequence[int]) -> Begun:
        """Begin with all that are not suspicious; with the least suspicious one if all are."""
        with self._ingest.writing() as connection:
            for ended in self._ended:
                end_tries(connection, ended)
            rest = set(ids) - begin_together(connection, ids)
            suspects = open_tries(connection, rest) if rest else []
            suspicious = {one.submission_id for one in suspects}
            begun = Begun([id for id in ids if id not in suspicious])
            if suspects and not begun.ids:
                begun = self._judged(suspects[0])
                for id in begun.ids:
                    delay = max(_LEAST_DELAY, self._delay(suspects[0].begun))
                    begin_alone(connection, id, _later(delay))
        self._ended.clear()
        return begun

    def end(self, ids: Collection[int]) -> None:
        """Note that tries ended without an outcome, and not by the death of the process."""
        self._ended.append(ids)
        try:
            with self._ingest.writing() as connection:
                for ended in self._ended:
                    end_tries(connection, ended)
        except DatabaseUnavailableError:
            return
        self._ended.clear()

    def postpone(self, submission_id: int, error: str) -> float | None:
        """Count a failed try; return after how many seconds to try again, or None: never."""
        with self._ingest.writing() as connection:
            before = attempts(connection, submission_id)
            if before is None:
                # Somebody else has handled it in the meantime.
                return self._retry_delay
            if before + 1 >= self._max_attempts:
                record_outcomes(connection, [Outcome(submission_id, State.FAILED, error)])
                return None
            delay = self._delay(before + 1)
            postpone(connection, submission_id, before + 1, _later(delay), error)
        return delay

    def give_up(self, submission_id: int) -> None:
        """Let one that kills whoever imports it have failed."""
        with self._ingest.writing() as connection:
            if attempts(connection, submission_id) is not None:
                record_outcomes(connection, [Outcome(submission_id, State.FAILED, KILLED)])

    def _judged(self, suspect: OpenTries) -> Begun:
        # The first of the tries that are open was made together with others.
        alone = suspect.begun - 1
        if suspect.attempts + alone >= self._max_attempts:
            return Begun((), suspect.submission_id)
        return Begun([suspect.submission_id])

    def _delay(self, tries: int) -> float:
        return float(min(self._retry_delay * 2.0 ** (tries - 1), _MAX_DELAY))


def _later(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
