"""How a segment lies in its file.

A header of 128 bytes, then five arrays, each at a multiple of 64 bytes:

- ``ids`` uint32[documents], rising: a document's place in it is its local number;
- ``positions`` uint64[documents]: of its record in the log;
- ``durations`` uint16[documents], seconds;
- ``starts`` uint32[2**bits + 1]: the directory, over the top ``bits`` of the 28-bit terms, which
  :func:`record.spread` has spread over all entries;
- ``postings`` uint32[postings], rising within a directory entry: the other bits of the term above
  the local number.

More than half of all terms stand in one document only, so lists per term or compression would gain
nothing.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final, NamedTuple

MAGIC: Final = b"FPXSEG02"
HEADER_SIZE: Final = 128
TERM_BITS: Final = 28
MIN_BITS: Final = 10
MAX_BITS: Final = 26
MAX_DOCUMENTS: Final = 16_000_000
ARRAYS: Final = (
    ("ids", "<u4"),
    ("positions", "<u8"),
    ("durations", "<u2"),
    ("starts", "<u4"),
    ("postings", "<u4"),
)
_WIDTHS: Final = (4, 8, 2, 4, 4)
_FIELDS: Final = struct.Struct("<8sIII5I")
_CRC: Final = struct.Struct("<I")
# Measured: below 4 postings an entry searches gain little, and the directory grows.
_POSTINGS_PER_ENTRY: Final = 4


class SegmentShape(NamedTuple):
    """What the header tells; ``checksums`` are the CRC-32 of the five arrays."""

    documents: int
    postings: int
    bits: int
    checksums: tuple[int, ...]

    @property
    def local_bits(self) -> int:
        """How many bits of a posting are the local number."""
        return 32 - TERM_BITS + self.bits

    def lengths(self) -> tuple[int, ...]:
        """Return the number of items of each array."""
        return (self.documents,) * 3 + ((1 << self.bits) + 1, self.postings)

    def offsets(self) -> list[int]:
        """Return where each array begins, and where the file ends."""
        offsets = [HEADER_SIZE]
        for length, width in zip(self.lengths(), _WIDTHS, strict=True):
            offsets.append(offsets[-1] + (length * width + 63) // 64 * 64)
        return offsets

    def pack(self) -> bytes:
        """Return the header."""
        fields = _FIELDS.pack(MAGIC, self.documents, self.postings, self.bits, *self.checksums)
        return (fields + _CRC.pack(zlib.crc32(fields))).ljust(HEADER_SIZE, b"\0")


def unpack(header: bytes) -> SegmentShape | None:
    """Return the shape in a header; None if it is damaged."""
    if len(header) < HEADER_SIZE:
        return None
    fields = header[: _FIELDS.size]
    magic, documents, postings, bits, *checksums = _FIELDS.unpack(fields)
    if magic != MAGIC or _CRC.unpack_from(header, _FIELDS.size)[0] != zlib.crc32(fields):
        return None
    return SegmentShape(documents, postings, bits, tuple(checksums))


def directory_bits(documents: int, postings: int) -> int:
    """Return the directory's bits for so many postings; local numbers must fit beside the rest."""
    wanted = (postings // _POSTINGS_PER_ENTRY).bit_length() - 1
    needed = max(documents - 1, 1).bit_length() - (32 - TERM_BITS)
    return min(MAX_BITS, max(MIN_BITS, wanted, needed))
