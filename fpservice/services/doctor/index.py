"""Whether the index answers and agrees with the database, and whether anybody keeps it so."""

from __future__ import annotations

import time
from typing import Final

from fpservice.db.backlog import MOST_COUNTED
from fpservice.db.fingerprint.fingerprints import count_fingerprints
from fpservice.db.transaction import Database
from fpservice.domain.errors import DatabaseUnavailableError, SearchUnavailableError
from fpservice.interfaces import FingerprintIndex
from fpservice.services.backlogs import BacklogService
from fpservice.services.doctor.checks import Check, ProblemError

# Whoever waits for longer, in seconds, waits for somebody who is not there.
PATIENCE: Final = 60.0
_LOOKS: Final = 4
_BETWEEN_LOOKS: Final = 0.4
_REBUILD: Final = "run `fpservice index rebuild`"


def index_check(index: FingerprintIndex, fingerprint: Database, backlogs: BacklogService) -> Check:
    """Return the check that the index answers, has what the database has, and is kept up."""

    def check() -> str:
        try:
            index.ping()
            status = index.status()
        except DatabaseUnavailableError:
            raise
        except SearchUnavailableError as error:
            raise ProblemError(
                str(error),
                f"start it, or mend what [fingerprint_index] says of it; if it is lost: {_REBUILD}",
            ) from error
        counts = _agreement(index, fingerprint, backlogs)
        size = f", {status.size_bytes / 1e6:.1f} MB" if status.size_bytes else ""
        return f"{status.kind} index at {status.location} answers: {counts}{size}"

    return check


def _agreement(index: FingerprintIndex, fingerprint: Database, backlogs: BacklogService) -> str:
    """Return in words how many there are; look several times, as imports go on meanwhile."""
    for look in range(_LOOKS):
        if look:
            time.sleep(_BETWEEN_LOOKS)
        behind = backlogs.index()
        try:
            with fingerprint.reading() as connection:
                total = count_fingerprints(connection)
        except DatabaseUnavailableError:
            return "whether it has all was not seen, as the database did not count them in time"
        indexed = index.status().fingerprints
        if abs(total - indexed) <= behind.waiting or behind.waiting >= MOST_COUNTED:
            break
    else:
        raise ProblemError(
            f"the index has {indexed} fingerprints, the database {total},"
            f" and only {behind.waiting} changes wait",
            f"see what differs with `fpservice index verify`, then {_REBUILD}",
        )
    if behind.oldest > PATIENCE:
        raise ProblemError(
            f"{behind.waiting} changes wait to be told, the oldest for {behind.oldest:.0f} s",
            "start `fpservice worker`; if it runs, see why in its log",
        )
    return f"{indexed} fingerprints of {total}, {behind.waiting} changes wait"


def outbox_check(backlogs: BacklogService) -> Check:
    """Return the check that somebody imports."""

    def check() -> str:
        behind = backlogs.outbox()
        if behind.oldest > PATIENCE:
            raise ProblemError(
                f"{behind.waiting} submissions wait, the oldest for {behind.oldest:.0f} s",
                "start `fpservice worker`, or more of them; if they run, see why in their log",
            )
        return f"{behind.waiting} submissions wait"

    return check
