"""Whether the clock of this machine goes as those of the servers do."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import text

from fpservice.db.transaction import Database
from fpservice.services.doctor.checks import Check, ProblemError

# Seconds that clocks may differ by: submissions, limits and logs are told apart by less.
MAX_DIFFERENCE: Final = 2.0
# No program can run before it was written.
_BEGINNING: Final = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
# Returns the time of a server, in seconds since 1970.
Clock = Callable[[], float]


def clock_check(clocks: Mapping[str, Clock], own: Clock = time.time) -> Check:
    """Return the check of our clock against these, by names that are shown."""

    def check() -> str:
        if own() < _BEGINNING:
            raise ProblemError(_says(own()), "set it, and keep it right with NTP")
        if not clocks:
            return f"{_says(own())}; there is no server to compare it with"
        differences = {name: _difference(clock, own) for name, clock in clocks.items()}
        worst = max(differences, key=lambda name: abs(differences[name]))
        if abs(differences[worst]) > MAX_DIFFERENCE:
            ahead = "behind" if differences[worst] > 0 else "ahead of"
            raise ProblemError(
                f"this machine is {abs(differences[worst]):.1f} s {ahead} {worst}",
                "keep the clocks of all machines right with NTP",
            )
        return f"differs from {', '.join(clocks)} by {abs(differences[worst]):.2f} s at most"

    return check


def database_clock(database: Database) -> Clock:
    """Return the clock of a PostgreSQL server."""

    def read() -> float:
        with database.reading() as connection:
            now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
        return now.timestamp()

    return read


def _difference(clock: Clock, own: Clock) -> float:
    """Return how far the other one is ahead; the time that asking took counts for neither."""
    before = own()
    theirs = clock()
    after = own()
    if theirs < before:
        return theirs - before
    return max(theirs - after, 0.0)


def _says(seconds: float) -> str:
    return f"this machine says {datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
