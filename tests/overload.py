"""``make overload``: four times what a served installation can do, and what it does then.

Most requests are batches of lookups, some are submissions. First it is measured how many are
answered a second; then four times as many are sent, whether they are answered or not; then three
tenths of them, to see how soon all is as before.
"""

from __future__ import annotations

import argparse
import sqlite3
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import psutil

from fpservice.services.demo import APPLICATION_KEY, USER_KEY, demo_tracks
from tests.installation import fresh_fingerprint
from tests.open_loop import Answer, Load, OpenLoop, percentile, request
from tests.served import Served

OVERLOAD: Final = 4.0
CALM: Final = 0.3
BATCH: Final = 10
CONNECTIONS: Final = 600
# The share of requests that come over connections of their own.
FRESH: Final = 0.2
_BATCHES: Final = 38
_SUBMISSIONS: Final = 2


@dataclass(frozen=True, slots=True)
class Report:
    """``capacity`` in answers a second; ``memory``: megabytes of each worker, second by second."""

    capacity: float
    calm_before: Sequence[Answer]
    overload: Sequence[Answer]
    calm_after: Sequence[Answer]
    memory: Sequence[Sequence[float]]
    stored: int

    @property
    def answered(self) -> list[Answer]:
        """Requests of the overload that were served."""
        return [one for one in self.overload if one.status == 200]

    @property
    def refused(self) -> list[Answer]:
        """Requests of the overload that were answered, but not served."""
        return [one for one in self.overload if one.status in (429, 503)]

    @property
    def failed(self) -> list[Answer]:
        """Requests of the overload that went wrong in any other way."""
        return [one for one in self.overload if one.status not in (200, 429, 503) or one.problem]

    @property
    def submitted(self) -> int:
        """Submissions that were answered well, at any time."""
        every = (*self.calm_before, *self.overload, *self.calm_after)
        return sum(one.status == 200 and one.number >= _BATCHES for one in every)


def requests() -> list[bytes]:
    """Return batches of lookups, and behind them submissions."""
    tracks = list(demo_tracks())
    lookups = []
    for number in range(_BATCHES):
        form = [("client", APPLICATION_KEY), ("batch", "1")]
        for place in range(BATCH):
            track = tracks[(number * BATCH + place) % len(tracks)]
            form.append((f"fingerprint.{place}", track.fingerprint))
            form.append((f"duration.{place}", str(track.duration)))
        lookups.append(request("/v2/lookup", urlencode(form).encode()))
    common = {"client": APPLICATION_KEY, "user": USER_KEY, "duration": 30, "track": "New"}
    return lookups + [
        request("/v2/submit", urlencode({**common, "fingerprint": fresh_fingerprint(n)}).encode())
        for n in range(_SUBMISSIONS)
    ]


def overload(served: Served, data: Path, seconds: float, calm_seconds: float = 3.0) -> Report:
    """Measure a served installation whose databases are in ``data``, for so many seconds."""
    port, sent = int(served.url.rpartition(":")[2]), requests()
    stored = _stored(data)
    memory: list[list[float]] = []

    def answers(rate: float | None, seconds: float, connections: int) -> list[Answer]:
        load = Load(sent, rate, seconds, connections, FRESH)
        return OpenLoop(port, load, lambda: memory.append(_memory(served))).run()

    full = [answers(None, calm_seconds / 2, 8) for _ in range(2)]
    capacity = max(len(each) for each in full) / (calm_seconds / 2)
    before = answers(CALM * capacity, calm_seconds, CONNECTIONS)
    memory.append(_memory(served))
    crowd = answers(OVERLOAD * capacity, seconds, CONNECTIONS)
    after = answers(CALM * capacity, calm_seconds, CONNECTIONS)
    calm = [*full[0], *full[1], *before]
    return Report(capacity, calm, crowd, after, memory, _stored(data) - stored)


def web_workers(served: Served) -> list[psutil.Process]:
    """Return the processes that serve requests."""
    children = psutil.Process(served.process.pid).children()
    return [worker for one in children if "gunicorn" in one.cmdline() for worker in one.children()]


def _memory(served: Served) -> list[float]:
    return [one.memory_full_info().pss / 1e6 for one in web_workers(served)]


def _stored(data: Path) -> int:
    with closing(sqlite3.connect(data / "ingest.db", timeout=10)) as database:
        (number,) = database.execute("SELECT count(*) FROM submission").fetchone()
    return int(number)


def main() -> int:
    """Print what was measured; return 0 if it is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="of overload")
    seconds = parser.parse_args().seconds
    with (
        tempfile.TemporaryDirectory(prefix="fpservice-overload-") as directory,
        Served.start({"FPSERVICE_DATA": directory}) as served,
    ):
        report = overload(served, Path(directory), seconds)
    _print(report, seconds)
    return bool(report.failed or percentile(report.answered, 99) > 5)


def _print(report: Report, seconds: float) -> None:
    print(f"capacity {report.capacity:.0f}/s, sent {len(report.overload) / seconds:.0f}/s")
    print(f"served {len(report.answered) / seconds:.0f}/s, refused {len(report.refused)}")
    print(f"neither: {dict(Counter(one.problem or one.status for one in report.failed))}")
    for name, answers in (
        ("before", report.calm_before),
        ("served", report.answered),
        ("refused", report.refused),
        ("first second after", [one for one in report.calm_after if one.due < 1]),
        ("after", report.calm_after),
    ):
        times = [f"{percentile(answers, share) * 1000:.0f}" for share in (50, 99, 100)]
        wrong = sum(one.status != 200 for one in answers)
        print(f"{name}: {len(answers)}, {wrong} not served, p50/p99/max ms {'/'.join(times)}")
    print(f"submissions answered {report.submitted}, stored {report.stored}")
    step = max(1, len(report.memory) // 10)
    print("MB a worker:", [round(statistics.mean(each)) for each in report.memory[::step]])


if __name__ == "__main__":
    sys.exit(main())
