"""The directory in which the processes of one service count, and what they have counted in all."""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from fpservice.observability.metric_table import FAMILIES, Kind
from fpservice.observability.value_file import NAME_PREFIX, Series, ended, read_values

_log = logging.getLogger(__name__)
# Names the directory for the processes that count.
VARIABLE: Final = "FPSERVICE_METRICS"
_PREFIX: Final = "fpservice-metrics-"
_OWNER: Final = "owner"
_ENDED: Final = "ended.json"
# A directory without a lock is one that is just being made, or was left so long ago, in seconds.
_JUST_MADE: Final = 60.0
Values = dict[Series, list[float]]


@contextmanager
def metrics_directory() -> Iterator[Path]:
    """Make a directory in memory, or else in that for temporary files; remove it at the end.

    One that a killed service has left behind goes, too.

    Raises:
        OSError: there is no room for one.
    """
    root = _root()
    _remove_abandoned(root)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    try:
        with (directory / _OWNER).open("w") as owner:
            fcntl.flock(owner.fileno(), fcntl.LOCK_EX)
            yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _root() -> Path:
    memory = Path("/dev/shm")  # noqa: S108 (the directory in it has a name of its own)
    return memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())


def _remove_abandoned(root: Path) -> None:
    for directory in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            mine = directory.lstat().st_uid == os.geteuid() and not directory.is_symlink()
            if mine and _is_abandoned(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _is_abandoned(directory: Path) -> bool:
    try:
        with ended(directory / _OWNER) as is_so:
            return is_so
    except FileNotFoundError:
        return time.time() - directory.stat().st_mtime > _JUST_MADE


class Totals:
    """Adds up what all processes have counted, those that have ended too.

    The files of ended ones are folded into one, so that there are never more than processes run
    at once, and some.
    """

    def __init__(self, directory: Path) -> None:
        """Nothing is read yet; one process at a time may do this in a directory."""
        self._directory = directory
        self._lock = threading.Lock()

    def values(self) -> tuple[Values, int]:
        """Return the values of all series, and how many processes count.

        Those of a histogram are the sum and the numbers in each bucket; of a gauge, the value and
        the time when it was set.
        """
        with self._lock:
            total = self._fold()
            living = 0
            for path in self._files():
                with contextlib.suppress(FileNotFoundError):
                    _merge(total, read_values(path))
                    living += 1
            return total, living

    def fold(self) -> None:
        """Fold the files of processes that have ended."""
        with self._lock:
            self._fold()

    def _fold(self) -> Values:
        folded, total = self._ended()
        # They were about to be removed when this was broken off.
        for name in folded:
            (self._directory / name).unlink(missing_ok=True)
        found = [path for path in self._files() if _has_ended(path)]
        for path in found:
            _merge(total, _lasting(read_values(path)))
        if found:
            self._keep([path.name for path in found], total)
            for path in found:
                path.unlink(missing_ok=True)
        return total

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob(f"{NAME_PREFIX}*"))

    def _ended(self) -> tuple[list[str], Values]:
        try:
            known = json.loads((self._directory / _ENDED).read_text())
        except FileNotFoundError:
            return [], {}
        values = {(family, tuple(labels)): numbers for family, labels, numbers in known["values"]}
        return known["files"], values

    def _keep(self, files: list[str], total: Values) -> None:
        """Write down, in one step, what was counted and which files are no more to be added."""
        values = [[family, labels, numbers] for (family, labels), numbers in total.items()]
        new = self._directory / f"{_ENDED}.new"
        new.write_text(json.dumps({"files": files, "values": values}))
        new.rename(self._directory / _ENDED)


def _has_ended(path: Path) -> bool:
    with ended(path) as is_so:
        return is_so


def _lasting(values: Values) -> Values:
    """Leave gauges out: they say how things are, and whoever has ended does not know."""
    lasting = (Kind.COUNTER, Kind.HISTOGRAM)
    return {series: some for series, some in values.items() if FAMILIES[series[0]].kind in lasting}


def _merge(total: Values, more: Values) -> None:
    for series, numbers in more.items():
        known = total.get(series)
        if known is None:
            total[series] = numbers
            continue
        kind = FAMILIES[series[0]].kind
        if kind is Kind.LATEST:
            total[series] = max(known, numbers, key=lambda one: one[1])
        elif kind is Kind.GREATEST:
            total[series] = max(known, numbers)
        else:
            total[series] = [one + other for one, other in zip(known, numbers, strict=True)]
