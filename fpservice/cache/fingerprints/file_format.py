"""What the file of shared fingerprints looks like.

A header, a table, and records as the log of the index has them (``index/record.py``), one behind
the other. All is little-endian. The table consists of buckets of eight slots; an id has its place
in one bucket. A slot is four uint32: id; where its record begins, in units of 16 bytes, 0 where
nothing but the duration is known; when it was read from the database, in seconds since 1970; and
the duration in the lower half, with a check of all of these in the upper one.

A record counts only once a slot names it, and a slot is written only when its record is complete.
Nothing here is synced to the disk: what a power loss takes, its checksum gives away.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from dataclasses import dataclass
from typing import Any, Final

WAYS: Final = 8
SLOT: Final = struct.Struct("<IIII")
UNIT_BITS: Final = 4
# Those that invalidated something, and where the next record goes; both change all the time.
STATE: Final = struct.Struct("<QQ")
STATE_PLACE: Final = 64
_TABLE: Final = 4096
_MAGIC: Final = b"FPSHARE1"
_HEADER: Final = struct.Struct("<8s16sQI")
_CHECKSUM: Final = struct.Struct("<I")
HEADER_SIZE: Final = _HEADER.size + _CHECKSUM.size
_WORD: Final = 0xFFFF_FFFF
# The table takes a 64th of the file at most: four slots for a usual record, since many
# fingerprints are met of which nothing but the duration is asked.
_TABLE_SHARE: Final = 64
_FACTORS: Final = (0x9E37_79B1, 0x85EB_CA77, 0xC2B2_AE3D, 0x27D4_EB2F)


class StrangeFileError(Exception):
    """The file is damaged, or has the fingerprints of another database."""


@dataclass(frozen=True, slots=True)
class Geometry:
    """How a file is divided: ``size`` in bytes, and the number of buckets is 2**``bits``."""

    size: int
    bits: int

    @classmethod
    def of(cls, size: int) -> Geometry:
        """Return that of a new file of so many bytes, at least a MB or so."""
        buckets = size // _TABLE_SHARE // (WAYS * SLOT.size)
        return cls(size, max(buckets.bit_length() - 1, 1))

    @property
    def buckets(self) -> int:
        """How many buckets the table has."""
        return 1 << self.bits

    @property
    def table(self) -> int:
        """Where the table begins."""
        return _TABLE

    @property
    def records(self) -> int:
        """Where the first record begins."""
        return _TABLE + self.buckets * WAYS * SLOT.size

    def slot_place(self, number: int) -> int:
        """Return where a slot stands in the file."""
        return _TABLE + number * SLOT.size

    def bucket(self, ids: Any) -> Any:
        """Return the bucket of an id, or of each of an array ``uint32[n]``."""
        return ((ids * _FACTORS[0]) & _WORD) >> (32 - self.bits)


def name_of(database: str) -> bytes:
    """Return 16 bytes that stand for a database, by which a file tells whose copy it is."""
    return hashlib.blake2b(database.encode(), digest_size=16).digest()


def header(geometry: Geometry, database: bytes) -> bytes:
    """Return the header of a new file, which is not changed any more."""
    data = _HEADER.pack(_MAGIC, database, geometry.size, geometry.bits)
    return data + _CHECKSUM.pack(zlib.crc32(data))


def read_header(data: bytes, database: bytes) -> Geometry:
    """Return how a file is divided that begins with ``data``.

    Raises:
        StrangeFileError: it is damaged, or another database's.
    """
    if len(data) < HEADER_SIZE:
        raise StrangeFileError("it is cut off")
    magic, whose, size, bits = _HEADER.unpack_from(data)
    (checksum,) = _CHECKSUM.unpack_from(data, _HEADER.size)
    if magic != _MAGIC or checksum != zlib.crc32(data[: _HEADER.size]) or not 1 <= bits <= 28:
        raise StrangeFileError("it is damaged")
    if whose != database:
        raise StrangeFileError("it is another database's")
    return Geometry(size, bits)


def slot(fingerprint_id: int, place: int, read: int, duration: int) -> bytes:
    """Return the bytes of a slot."""
    checked = check(fingerprint_id, place, read, duration) << 16
    return SLOT.pack(fingerprint_id, place, read, checked | duration)


def check(fingerprint_id: Any, place: Any, read: Any, duration: Any) -> Any:
    """Return 16 bits that go with the contents of a slot, or of arrays ``uint32[n]`` of them."""
    first, second, third, fourth = _FACTORS
    mixed = fingerprint_id * first ^ place * second ^ read * third ^ duration * fourth
    return (mixed & _WORD) >> 16


def padded(record: bytes) -> bytes:
    """Return a record with what is missing to whole units behind it."""
    return record + bytes(-len(record) % (1 << UNIT_BITS))
