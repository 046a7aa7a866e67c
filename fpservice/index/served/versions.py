"""Which version of an index each part of its log belongs to.

A file of pairs of uint64, little-endian: where the log ended after an update, and the version that
it led to. Both rise, so a version is found by halving. It has a pair for each update that changed
anything, which is less than a thirtieth of what the update itself takes.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

from fpservice.index.layout import sync_data

FILE: Final = "versions"
_PAIR: Final = struct.Struct("<QQ")


class VersionJournal:
    """The journal of one generation of an index."""

    def __init__(self, path: Path) -> None:
        """Name the folder; the file is made by the first update."""
        self._path = path / FILE

    def append(self, end: int, version: int) -> None:
        """Note, durably, that an update led to this version; the caller holds the lock."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            # A pair that was torn by a crash is overwritten.
            place = _whole(descriptor) * _PAIR.size
            os.pwrite(descriptor, _PAIR.pack(end, version), place)
            sync_data(descriptor)
        finally:
            os.close(descriptor)

    def version_at(self, position: int) -> int | None:
        """Return the version that wrote a record; None if it is newer than all that is noted."""
        return self._look(position)[1]

    def version_until(self, position: int) -> int:
        """Return the version whose records, and those of all before it, end at ``position``."""
        return self._look(position)[0]

    def _look(self, position: int) -> tuple[int, int | None]:
        """Return the versions of the last pair that ends up to there, and of the next."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0, None
        try:
            count = _whole(descriptor)
            low, high = 0, count
            while low < high:
                middle = (low + high) // 2
                if _pair(descriptor, middle)[0] <= position:
                    low = middle + 1
                else:
                    high = middle
            before = _pair(descriptor, low - 1)[1] if low else 0
            return before, _pair(descriptor, low)[1] if low < count else None
        finally:
            os.close(descriptor)


def _whole(descriptor: int) -> int:
    return os.fstat(descriptor).st_size // _PAIR.size


def _pair(descriptor: int, number: int) -> tuple[int, int]:
    end, version = _PAIR.unpack(os.pread(descriptor, _PAIR.size, number * _PAIR.size))
    return end, version
