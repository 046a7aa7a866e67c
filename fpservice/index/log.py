"""The append-only log: every fingerprint in one file, read in place through a memory map.

The file is longer than what is published, by a sparse tail: growing it in large steps spares
readers a new map for every few records.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from fpservice.domain.errors import IndexCorruptError
from fpservice.domain.fingerprint import Hashes
from fpservice.index.layout import LOG, damaged, sync_data
from fpservice.index.record import HEADER
from fpservice.interfaces import StoredFingerprint

_MAGIC: Final = b"FPXLOG01" + bytes(8)
START: Final = len(_MAGIC)
_ALIGNMENT: Final = 4
_MIN_GROWTH: Final = 64 << 10
_MAX_GROWTH: Final = 16 << 20


class RecordMap:
    """A read-only map of a file with records in it; ``data`` is the map itself."""

    def __init__(self, data: mmap.mmap) -> None:
        """Read what is mapped."""
        self.data = data
        self.size = len(data)
        self._words = np.frombuffer(data, dtype="<u4", count=self.size // 4)

    def header(self, position: int) -> tuple[int, int, int, int]:
        """Return (id, duration, count, kind) of the record there.

        Raises:
            ValueError: none can stand there.
        """
        if position % _ALIGNMENT or not START <= position <= self.size - HEADER.size:
            raise ValueError(f"no record can stand at {position}")
        _, fingerprint_id, duration, count, kind = HEADER.unpack_from(self.data, position)
        if position + HEADER.size + 4 * count > self.size:
            raise ValueError(f"the record at {position} is cut off")
        return fingerprint_id, duration, count, kind

    def words(self, position: int, count: int) -> Hashes:
        """Return a view of the words of the record there."""
        first = (position + HEADER.size) >> 2
        return self._words[first : first + count]

    def fingerprint(self, position: int) -> StoredFingerprint:
        """Return the fingerprint whose record stands there; raises as :meth:`header`."""
        fingerprint_id, duration, count, _ = self.header(position)
        return StoredFingerprint(fingerprint_id, duration, self.words(position, count))

    def holds(self, position: int, data: bytes) -> bool:
        """Return whether these bytes stand there."""
        return self.data[position : position + len(data)] == data


class LogView(RecordMap):
    """The log as long as it was when opened."""

    def __init__(self, path: Path) -> None:
        """Map the log of a generation directory.

        Raises:
            FileNotFoundError: there is none.
            IndexCorruptError: it is something else.
        """
        self.path = path / LOG
        with self.path.open("rb") as file:
            if file.read(START) != _MAGIC:
                raise IndexCorruptError(damaged(f"{self.path} is no log"))
            super().__init__(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    def published(self, start: int, end: int) -> bytes:
        """Return the bytes between two positions that are both published."""
        return self.data[start:end]

    def read(self, start: int, end: int | None) -> bytes:
        """Return the bytes from ``start`` to ``end``, or to the end of the file.

        Read, not mapped: a writer that recovers may cut off the tail, and touching a mapped page
        beyond the end of its file kills the process.
        """
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(-1 if end is None else end - start)


class LogWriter:
    """Appends to the log of a generation; the caller holds the write lock."""

    def __init__(self, path: Path) -> None:
        """Open the log of a generation directory.

        Raises:
            FileNotFoundError: there is none.
        """
        self._file = (path / LOG).open("r+b", buffering=0)

    @staticmethod
    def create(path: Path) -> None:
        """Begin a log."""
        with (path / LOG).open("xb") as file:
            file.write(_MAGIC)
            file.flush()
            os.fsync(file.fileno())

    def append(self, records: Sequence[bytes], end: int) -> int:
        """Write the records behind ``end``, durably; return the new end.

        On an error, what was written is cut off again.
        """
        data = b"".join(records)
        try:
            self._reserve(end + len(data))
            written = 0
            while written < len(data):
                written += os.pwrite(self._file.fileno(), data[written:], end + written)
            sync_data(self._file.fileno())
        except BaseException:
            self.cut(end)
            raise
        return end + len(data)

    def cut(self, end: int) -> None:
        """Leave nothing but zeros behind ``end``."""
        size = os.fstat(self._file.fileno()).st_size
        os.ftruncate(self._file.fileno(), end)
        os.ftruncate(self._file.fileno(), max(size, end))
        sync_data(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _reserve(self, end: int) -> None:
        size = os.fstat(self._file.fileno()).st_size
        if end > size:
            os.ftruncate(self._file.fileno(), end + min(_MAX_GROWTH, max(_MIN_GROWTH, end)))
