"""A segment: immutable packed postings of some documents, read through a memory map."""

from __future__ import annotations

import mmap
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from fpservice.domain.errors import IndexCorruptError
from fpservice.index import segment_layout
from fpservice.index.layout import damaged, replace_file
from fpservice.index.manifest import SegmentEntry
from fpservice.index.segment_layout import ARRAYS, HEADER_SIZE, TERM_BITS

Uint32s = NDArray[np.uint32]
_CRC_BYTES: Final = 4
_WARM_BYTES: Final = 1 << 20


class Segment:
    """A mapped segment file, with the documents of it that are dead.

    Attributes:
        ids, positions, durations, starts, postings: as :mod:`segment_layout` says.
        ranges: uint32[2**bits, 2], first and last + 1 posting of each directory entry.
        dead: uint32[d], local numbers, rising.
        entry_shift: terms shifted right by it are directory entries.
        local_bits: terms shifted left by it, as uint32, are postings of local number 0.
        local_limit: number of possible local numbers.
    """

    def __init__(self, path: Path, entry: SegmentEntry) -> None:
        """Map the segment of a generation directory.

        Raises:
            FileNotFoundError: there is none.
            IndexCorruptError: header or length is wrong.
        """
        self.entry = entry
        self.path = path / entry.name
        with self.path.open("rb") as file:
            shape = segment_layout.unpack(file.read(HEADER_SIZE))
            if shape is None or shape.documents != entry.documents:
                raise IndexCorruptError(damaged(f"header of {self.path}"))
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.shape = shape
        self.size = len(self._map)
        if self.size != shape.offsets()[-1]:
            raise IndexCorruptError(damaged(f"{self.path} has {self.size} bytes"))
        self.ids, self.positions, self.durations, self.starts, self.postings = self._arrays()
        self.ranges: Uint32s = as_strided(
            self.starts, shape=(1 << shape.bits, 2), strides=(4, 4), writeable=False
        )
        self.entry_shift = np.uint32(TERM_BITS - shape.bits)
        self.local_bits = np.uint32(shape.local_bits)
        self.local_limit = np.uint32(1 << shape.local_bits)
        self.dead = load_tombstones(path, entry)

    def _arrays(self) -> list[NDArray[Any]]:
        offsets = self.shape.offsets()
        return [
            np.frombuffer(self._map, dtype=kind, count=length, offset=offset)
            for (_, kind), length, offset in zip(
                ARRAYS, self.shape.lengths(), offsets[:-1], strict=True
            )
        ]

    def find(self, fingerprint_ids: Uint32s) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return (local numbers, whether they are right) of ``uint32[n]``; the dead are not."""
        if not len(self.ids):
            nowhere = np.zeros(len(fingerprint_ids), dtype=np.intp)
            return nowhere, nowhere.astype(np.bool_)
        local = self.ids.searchsorted(fingerprint_ids)
        found = self.ids.take(local, mode="clip") == fingerprint_ids
        found &= ~self.is_dead(local)
        return local, found

    def is_dead(self, local: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which of the local numbers are dead."""
        if not len(self.dead):
            return np.zeros(len(local), dtype=np.bool_)
        place = self.dead.searchsorted(local.astype(np.uint32))
        dead: NDArray[np.bool_] = self.dead.take(place, mode="clip") == local
        return dead

    def contains(self, terms: Uint32s, local: Uint32s) -> NDArray[np.bool_]:
        """Return whether each document, uint32[n], has the term beside it, uint32[n]."""
        bounds = self.ranges[terms >> self.entry_shift].astype(np.int64)
        low, count = bounds[:, 0], bounds[:, 1] - bounds[:, 0]
        reached = count.cumsum()
        place = np.repeat(low - reached + count, count) + np.arange(int(count.sum()))
        wanted = np.repeat((terms << self.local_bits) | local, count)
        owner = np.repeat(np.arange(len(terms)), count)
        met = owner[self.postings[place] == wanted]
        return np.bincount(met, minlength=len(terms)) > 0

    def warm(self) -> None:
        """Read the file through, in order: much quicker than page by page as searches come."""
        buffer = bytearray(_WARM_BYTES)
        # A segment that was merged away meanwhile need not be warm.
        with suppress(FileNotFoundError), self.path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass

    def damage(self) -> list[str]:
        """Return what a full check finds wrong with the arrays."""
        found = []
        arrays = (self.ids, self.positions, self.durations, self.starts, self.postings)
        for (name, _), array, crc in zip(ARRAYS, arrays, self.shape.checksums, strict=True):
            if zlib.crc32(array.data) != crc:
                found.append(f"checksum of {name} in {self.path}")
        return found


def load_tombstones(path: Path, entry: SegmentEntry) -> Uint32s:
    """Return the local numbers of the dead documents of a segment.

    Raises:
        FileNotFoundError: the file is gone.
        IndexCorruptError: it is damaged.
    """
    if not entry.tombstones:
        return np.empty(0, dtype=np.uint32)
    data = (path / entry.tombstones).read_bytes()
    crc, body = data[:_CRC_BYTES], data[_CRC_BYTES:]
    if len(body) != 4 * entry.dead or zlib.crc32(body).to_bytes(_CRC_BYTES, "little") != crc:
        raise IndexCorruptError(damaged(f"{path / entry.tombstones}"))
    return np.frombuffer(body, dtype="<u4")


def store_tombstones(path: Path, name: str, dead: Uint32s) -> None:
    """Write the local numbers of dead documents, rising, durably."""
    body = dead.astype("<u4").tobytes()
    replace_file(path / name, zlib.crc32(body).to_bytes(_CRC_BYTES, "little") + body)
