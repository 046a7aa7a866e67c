"""Values that one process counts and another one reads, in a file that both have mapped.

A file has room for 8192 numbers, each eight aligned bytes that are stored whole, and behind them
a line of JSON for each series that says which of them are its own. Whoever counts keeps the file
locked for as long as it lives, so that the file itself tells whether more is to come.
"""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import secrets
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NAME_PREFIX: Final = "values-"
_NUMBERS: Final = 8192
_WORD: Final = 8
# The first word is how many bytes the lines take.
_NUMBERS_AT: Final = 8
_LINES_AT: Final = _NUMBERS_AT + _NUMBERS
_LINE_BYTES: Final = 1 << 16
_SIZE: Final = _LINES_AT * _WORD + _LINE_BYTES
# Name of a family and values of its labels.
Series = tuple[str, tuple[str, ...]]


class ValueFileFullError(Exception):
    """There is no room for another series."""


class ValueFile:
    """The writing side; not for several threads at once, and not after a fork."""

    def __init__(self, directory: Path) -> None:
        """Make a file with a name of its own.

        Raises:
            OSError: there is no such directory, or no room in it.
        """
        descriptor, new = tempfile.mkstemp(prefix="new-", dir=directory)
        try:
            # It has its name only once it is locked; nobody must take it for one left behind.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            # A write to a page that the disk has no room for would end the process.
            os.posix_fallocate(descriptor, 0, _SIZE)
            self._map = mmap.mmap(descriptor, _SIZE)
        except BaseException:
            os.close(descriptor)
            Path(new).unlink(missing_ok=True)
            raise
        self._descriptor = descriptor
        self._words = memoryview(self._map)[: _LINES_AT * _WORD].cast("Q")
        self.numbers = memoryview(self._map)[_NUMBERS_AT * _WORD : _LINES_AT * _WORD].cast("d")
        self._used = 0
        self._places: dict[Series, int] = {}
        Path(new).rename(directory / f"{NAME_PREFIX}{os.getpid()}-{secrets.token_hex(4)}")

    def add(self, series: Series, width: int) -> int:
        """Return where in ``numbers`` a series has its ``width`` numbers, nought if it is new.

        Raises:
            ValueFileFullError: it has none.
        """
        if series in self._places:
            return self._places[series]
        place = self._used
        line = (json.dumps([place, width, *series]) + "\n").encode()
        end = self._words[0] + len(line)
        if place + width > _NUMBERS or end > _LINE_BYTES:
            raise ValueFileFullError("there is no room for another series")
        start = _LINES_AT * _WORD + self._words[0]
        self._map[start : start + len(line)] = line
        self._words[0] = end
        self._used += width
        self._places[series] = place
        return place

    def leave(self) -> None:
        """Let go of the file in a process that was forked from its own, which keeps the lock."""
        os.close(self._descriptor)


def read_values(path: Path) -> dict[Series, list[float]]:
    """Return what a process has counted so far.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is something else.
    """
    data = path.read_bytes()
    if len(data) != _SIZE:
        raise ValueError(f"{path} has {len(data)} bytes")
    (used,) = struct.unpack_from("Q", data)
    start = _LINES_AT * _WORD
    numbers = memoryview(data)[_NUMBERS_AT * _WORD : start].cast("d")
    found: dict[Series, list[float]] = {}
    for line in data[start : start + used].splitlines():
        place, width, family, labels = json.loads(line)
        found[family, tuple(labels)] = list(numbers[place : place + width])
    return found


@contextmanager
def ended(path: Path) -> Iterator[bool]:
    """Yield whether the process that counted in the file is no more."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
