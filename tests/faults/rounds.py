"""``make faults``: many rounds of every fault, each with clips and moments of its own.

Prints a line for each round, and a table at the end; the exit status is 1 if anything was lost or
doubled, or a round did not go as it should.
"""

from __future__ import annotations

import argparse
import logging
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.faults.outcome import Outcome
from tests.faults.site import Site
from tests.faults.table import FAULTS, Fault

ROUNDS = 20
_NOTHING = Outcome()
_COLUMNS = ("fault", "rounds", "accepted", "imported", "refused", "lost", "doubled", "failed")


@dataclass
class Tally:
    """What the rounds of one fault came to together; ``failed`` are rounds without an outcome."""

    fault: Fault
    rounds: int = 0
    failed: int = 0
    total: Outcome = _NOTHING

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, nothing doubled, and every round went as it should."""
        return not (self.total.lost or self.total.doubled or self.failed)

    def add(self, outcome: Outcome) -> None:
        """Add the outcome of a round."""
        self.total = self.total + outcome

    def row(self) -> tuple[object, ...]:
        """Return what the table shows."""
        one = self.total
        counts = (one.accepted, one.imported, one.refused, one.lost, one.doubled)
        return (self.fault.name, self.rounds, *counts, self.failed)


def main() -> int:
    """Read the command line and play; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each fault")
    parser.add_argument(
        "--only", action="append", choices=sorted(FAULTS), metavar="NAME", help="only this fault"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    # The servers are to be stopped then too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    chosen = [FAULTS[name] for name in arguments.only or FAULTS]
    started = time.monotonic()
    with Site() as site:
        tallies = [_play(site, fault, arguments.seed, arguments.rounds) for fault in chosen]
    print(f"\n{_table(tallies)}\n{time.monotonic() - started:.0f} s")
    return 0 if all(tally.is_good for tally in tallies) else 1


def _play(site: Site, fault: Fault, seed: int, rounds: int) -> Tally:
    tally = Tally(fault)
    for number in range(rounds):
        backend = fault.backends[number % len(fault.backends)]
        started = time.monotonic()
        tally.rounds += 1
        try:
            outcome = fault.play(site, backend, seed + number)
        except Exception:
            tally.failed += 1
            said = f"FAILED\n{traceback.format_exc()}"
        else:
            tally.add(outcome)
            said = str(outcome)
        seconds = time.monotonic() - started
        place = f"{fault.name} {number + 1}/{rounds} seed {seed + number} {backend}"
        print(f"{place} {seconds:.1f} s: {said}", flush=True)
    return tally


def _table(tallies: Iterable[Tally]) -> str:
    rows = [_COLUMNS, *(tally.row() for tally in tallies)]
    totals = [sum(int(str(row[column])) for row in rows[1:]) for column in range(1, len(_COLUMNS))]
    return "\n".join(_line(row) for row in [*rows, ("together", *totals)])


def _line(row: Sequence[object]) -> str:
    name, *numbers = row
    return f"{name:<32}" + "".join(f"{number:>10}" for number in numbers)


if __name__ == "__main__":
    sys.exit(main())
