"""A process's view of the file of shared fingerprints."""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpservice.cache.fingerprints import file_format
from fpservice.cache.fingerprints.file_format import STATE, STATE_PLACE, UNIT_BITS, WAYS
from fpservice.index.log import RecordMap
from fpservice.index.record import FINGERPRINT, HEADER, MAX_ID

_UNKNOWN: Final = -1
_BUCKET: Final = struct.Struct(f"<{4 * WAYS}I")
_DURATION: Final = np.uint32(0xFFFF)
Words = NDArray[np.uint32]


class ReadTimes(NamedTuple):
    """When what counts was read from the database, in seconds since 1970, both included.

    Something that was read in the future was read by a clock that was wrong.
    """

    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class Located:
    """What the file knows of some ids: where records begin, by id, and the ids it cannot tell."""

    positions: dict[int, int]
    unknown: list[int]


@dataclass(frozen=True, slots=True)
class _Slots:
    """What stands in the table for some ids; ``durations`` is -1 where nothing does."""

    numbers: list[int]
    places: list[int]
    durations: list[int]
    are_checked: list[bool]


class MappedFile(RecordMap):
    """The file as it was when it was opened; it stays readable when another takes its name.

    Instances may be used by several threads, and by children of the process.
    """

    def __init__(self, path: Path, database: bytes) -> None:
        """Map the file.

        Raises:
            FileNotFoundError: there is none.
            StrangeFileError: it is damaged, or not of this database.
        """
        with path.open("rb") as file:
            stat = os.fstat(file.fileno())
            self.geometry = file_format.read_header(file.read(file_format.HEADER_SIZE), database)
            if stat.st_size != self.geometry.size or self.geometry.records > stat.st_size:
                raise file_format.StrangeFileError("its size is wrong")
            super().__init__(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._identity = _identity(stat)
        slots = self.geometry.buckets * WAYS
        words = np.frombuffer(self.data, "<u4", 4 * slots, self.geometry.table)
        self._table: Words = words.reshape(self.geometry.buckets, WAYS, 4)
        # The record that each slot named when its checksum was found right.
        self._checked: Words = np.zeros(slots, dtype=np.uint32)
        # Raises, so that a file whose end is damaged is not taken for one to go on with.
        _ = self.end

    def is_at(self, path: Path) -> bool:
        """Return whether the file still has this name, at its full length.

        To be asked before each use: a page behind the end of a file that was cut off must not be
        touched.
        """
        try:
            return _identity(path.stat()) == self._identity
        except FileNotFoundError:
            return False

    @property
    def changes(self) -> int:
        """How often something was invalidated."""
        changes: int = STATE.unpack_from(self.data, STATE_PLACE)[0]
        return changes

    @property
    def end(self) -> int:
        """Where the next record goes; those before it do not change any more.

        Raises:
            StrangeFileError: it is damaged.
        """
        end: int = STATE.unpack_from(self.data, STATE_PLACE)[1]
        if not self.geometry.records <= end <= self.size or end % (1 << UNIT_BITS):
            raise file_format.StrangeFileError("its end is nowhere")
        return end

    def locate(
        self, ids: Sequence[int], low: int, high: int, limit: int, times: ReadTimes
    ) -> Located:
        """Return where the first ``limit`` begin that last from ``low`` to ``high`` seconds.

        Those are the first unless some of the ids that it does not know come before them.
        """
        located = Located({}, [])
        found = self._slots(ids, times)
        for number, one in enumerate(ids):
            if len(located.positions) >= limit:
                break
            duration = found.durations[number]
            if duration == _UNKNOWN:
                located.unknown.append(one)
            elif low <= duration <= high:
                if self._is_whole(found, number, one):
                    located.positions[one] = found.places[number] << UNIT_BITS
                else:
                    located.unknown.append(one)
        return located

    def slot_for(self, fingerprint_id: int) -> tuple[int, int]:
        """Return the number of the slot that an id has or would take, and the place it names.

        The place is 0 if none. A slot that is taken from another id is the one longest unread.
        """
        first = self.geometry.bucket(fingerprint_id) * WAYS
        words = _BUCKET.unpack_from(self.data, self.geometry.slot_place(first))
        ids, read = words[0::4], words[2::4]
        if fingerprint_id in ids:
            way = ids.index(fingerprint_id)
            return first + way, words[4 * way + 1]
        return first + read.index(min(read)), 0

    def slots_of(self, ids: Sequence[int]) -> list[int]:
        """Return the numbers of the slots that these ids have, however old or damaged."""
        wanted = _wanted(ids)
        buckets = self.geometry.bucket(wanted)
        same = (self._table[buckets, :, 0] == wanted[:, None]) & (wanted > 0)[:, None]
        held, ways = np.nonzero(same)
        numbers: list[int] = (buckets[held].astype(np.int64) * WAYS + ways).tolist()
        return numbers

    def _slots(self, ids: Sequence[int], times: ReadTimes) -> _Slots:
        wanted = _wanted(ids)
        buckets = self.geometry.bucket(wanted)
        rows = self._table[buckets]
        ways = (rows[:, :, 0] == wanted[:, None]).argmax(axis=1)
        held, places, read, last = rows[np.arange(len(rows)), ways].T
        durations = last & _DURATION
        checks = file_format.check(held, places, read, durations)
        counts = (held == wanted) & (wanted > 0) & (checks == last >> 16)
        counts &= (read >= times.earliest) & (read <= times.latest)
        numbers = buckets.astype(np.int64) * WAYS + ways
        return _Slots(
            numbers.tolist(),
            places.tolist(),
            np.where(counts, durations.astype(np.int64), _UNKNOWN).tolist(),
            ((self._checked[numbers] == places) & (places > 0)).tolist(),
        )

    def _is_whole(self, slots: _Slots, number: int, fingerprint_id: int) -> bool:
        if slots.are_checked[number]:
            return True
        place, duration = slots.places[number], slots.durations[number]
        whole = place > 0 and self._is_record(place << UNIT_BITS, fingerprint_id, duration)
        if whole:
            self._checked[slots.numbers[number]] = place
        return whole

    def _is_record(self, position: int, fingerprint_id: int, duration: int) -> bool:
        end = self.end
        if not self.geometry.records <= position <= end - HEADER.size:
            return False
        checksum, held, seconds, count, kind = HEADER.unpack_from(self.data, position)
        record_end = position + HEADER.size + 4 * count
        if (held, seconds, kind) != (fingerprint_id, duration, FINGERPRINT) or record_end > end:
            return False
        return bool(checksum == zlib.crc32(self.data[position + 4 : record_end]))


def _identity(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_dev, stat.st_ino, stat.st_size


def _wanted(ids: Sequence[int]) -> Words:
    return np.array([one if 0 < one <= MAX_ID else 0 for one in ids], dtype=np.uint32)
