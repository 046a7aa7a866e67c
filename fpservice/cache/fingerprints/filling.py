"""Writes the file of shared fingerprints; one process at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from fpservice.cache.fingerprints import file_format
from fpservice.cache.fingerprints.file_format import SLOT, STATE, STATE_PLACE, UNIT_BITS, Geometry
from fpservice.cache.fingerprints.mapped_file import MappedFile
from fpservice.db.fingerprint.fingerprints import SurveyedRow
from fpservice.index.record import MAX_DURATION, MAX_ID, MAX_WORDS, encode
from fpservice.interfaces import StoredFingerprint

_POLL_SECONDS: Final = 0.002


class FileFilling:
    """Writes to the file of one name; all methods but :meth:`alone` are for who is alone.

    Every method raises ``OSError`` when the file cannot be written.
    """

    def __init__(self, path: Path, size: int, database: bytes) -> None:
        """New files are of ``size`` bytes, most of them sparse, for this database."""
        self._path = path
        self._geometry = Geometry.of(size)
        self._database = database

    @contextlib.contextmanager
    def alone(self, patience: float = 0.0) -> Iterator[bool]:
        """Yield whether no other process or thread writes; try for ``patience`` seconds.

        The lock is on the folder: the file may be deleted, or another take its name, at any time.
        """
        descriptor = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            held = _locked(descriptor, time.monotonic() + patience)
            try:
                yield held
            finally:
                if held:
                    # A child forked meanwhile has a copy of the descriptor: closing is not enough.
                    fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            os.close(descriptor)

    def begin(self) -> MappedFile:
        """Put an empty file in the place of the one there is; who has that mapped keeps it."""
        new = self._path.with_name(self._path.name + ".new")
        geometry = self._geometry
        new.unlink(missing_ok=True)
        # Never through a link that somebody else put there.
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(new, flags, 0o666)
        try:
            # Pages of the table are read before they are written. On a full disk in memory, one
            # that is not there would kill the reader.
            os.posix_fallocate(descriptor, 0, geometry.records)
            os.ftruncate(descriptor, geometry.size)
            _write(descriptor, file_format.header(geometry, self._database), 0)
            _write(descriptor, STATE.pack(0, geometry.records), STATE_PLACE)
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        finally:
            os.close(descriptor)
        return MappedFile(self._path, self._database)

    def add(self, view: MappedFile, rows: Sequence[SurveyedRow], now: int) -> None:
        """Add what was read from the database ``now``; what is too large is left out.

        ``view`` is the file that has the name. When it is full another one is begun.
        """
        records = {row.id: _record(row) for row in rows if _fits(row)}
        needed = sum(len(record) for record in records.values())
        if needed > self._geometry.size - self._geometry.records:
            return
        if needed > view.size - view.end:
            view = self.begin()
        with _opened(self._path) as descriptor:
            places = _append(descriptor, view, records)
            for row in rows:
                if row.id in records:
                    number, _ = view.slot_for(row.id)
                    slot = file_format.slot(row.id, places.get(row.id, 0), now, row.duration)
                    _write(descriptor, slot, view.geometry.slot_place(number))

    def forget(self, view: MappedFile, ids: Sequence[int]) -> None:
        """Invalidate what is known of these ids, and what others are just reading of them."""
        with _opened(self._path) as descriptor:
            _write(descriptor, STATE.pack(view.changes + 1, view.end), STATE_PLACE)
            for number in view.slots_of(ids):
                _write(descriptor, bytes(SLOT.size), view.geometry.slot_place(number))


def _locked(descriptor: int, deadline: float) -> bool:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
        time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _fits(row: SurveyedRow) -> bool:
    words = 0 if row.hashes is None else len(row.hashes)
    return 1 <= row.id <= MAX_ID and 0 <= row.duration <= MAX_DURATION and words <= MAX_WORDS


def _record(row: SurveyedRow) -> bytes:
    """Return the record of a fingerprint, padded; empty without hashes."""
    if row.hashes is None:
        return b""
    return file_format.padded(encode(StoredFingerprint(row.id, row.duration, row.hashes)))


def _append(descriptor: int, view: MappedFile, records: dict[int, bytes]) -> dict[int, int]:
    """Write records that are not there yet; return the places of all that are not empty."""
    places: dict[int, int] = {}
    end, new = view.end, bytearray()
    for fingerprint_id, record in records.items():
        if record:
            place = _place_of(view, fingerprint_id, record, end)
            if not place:
                place = (end + len(new)) >> UNIT_BITS
                new += record
            places[fingerprint_id] = place
    if new:
        _write(descriptor, bytes(new), end)
        # Before the slots: whoever sees one takes nothing behind the end for a record.
        _write(descriptor, STATE.pack(view.changes, end + len(new)), STATE_PLACE)
    return places


def _place_of(view: MappedFile, fingerprint_id: int, record: bytes, end: int) -> int:
    """Return where this very record is already, 0 if nowhere: most that are old did not change."""
    _, place = view.slot_for(fingerprint_id)
    position = place << UNIT_BITS
    return place if position + len(record) <= end and view.holds(position, record) else 0


def _write(descriptor: int, data: bytes, place: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], place + written)
