"""Records of the log.

A record is 16 bytes little-endian (CRC-32 of all that follows; fingerprint id; duration; count of
words; kind) and ``count`` uint32: hashes or query terms. Records are multiples of four bytes, so
hashes can be read in place.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import query_terms
from fpservice.interfaces import IndexChange, IndexDelete, StoredFingerprint

HEADER: Final = struct.Struct("<IIHHI")
_BODY: Final = struct.Struct("<IHHI")
_CRC: Final = struct.Struct("<I")
FINGERPRINT: Final = 0x4650_5F01
TERMS: Final = 0x4650_5F02
DELETE: Final = 0x4650_5F03
_KINDS: Final = frozenset((FINGERPRINT, TERMS, DELETE))
MAX_ID: Final = 2**32 - 1
MAX_DURATION: Final = 65_535
MAX_WORDS: Final = 65_535
# The low four bits of a term are always 0 and are not kept.
TERM_SHIFT: Final = np.uint32(4)
_TERM_MASK: Final = np.uint32(2**28 - 1)
_FOLD: Final = np.uint32(14)
_FACTOR: Final = np.uint32(0xE3779B1)


@dataclass(frozen=True, slots=True)
class TermsOnly:
    """A change of the index: this fingerprint has these terms ``uint32[m]``; no more is known."""

    fingerprint_id: int
    terms: Hashes


Change = IndexChange | TermsOnly


class Record(NamedTuple):
    """A record as it stands in the log at ``position``; ``end`` is where the next one begins."""

    position: int
    end: int
    kind: int
    fingerprint_id: int
    duration: int
    words: Hashes


def encode(change: Change) -> bytes:
    """Return the record of a change.

    Raises:
        ValueError: an id outside 1 ... 2**32-1, a duration outside 0 ... 65,535 s, or no uint32[n]
            with n <= 65,535.
    """
    if isinstance(change, StoredFingerprint):
        return _pack(FINGERPRINT, change.id, change.duration, change.hashes)
    if isinstance(change, IndexDelete):
        return _pack(DELETE, change.fingerprint_id, 0, np.empty(0, dtype=np.uint32))
    return _pack(TERMS, change.fingerprint_id, 0, change.terms)


def _pack(kind: int, fingerprint_id: int, duration: int, words: Hashes) -> bytes:
    if not 1 <= fingerprint_id <= MAX_ID:
        raise ValueError(f"fingerprint id {fingerprint_id} is not in 1 ... {MAX_ID}")
    if not 0 <= duration <= MAX_DURATION:
        raise ValueError(f"duration {duration} is not in 0 ... {MAX_DURATION}")
    if words.dtype.kind != "u" or words.itemsize != 4 or words.ndim != 1:
        raise ValueError(f"hashes are {words.dtype}{list(words.shape)}, not uint32[n]")
    if len(words) > MAX_WORDS:
        raise ValueError(f"{len(words)} hashes are more than {MAX_WORDS}")
    body = _BODY.pack(fingerprint_id, duration, len(words), kind)
    body += words.astype("<u4", copy=False).tobytes()
    return _CRC.pack(zlib.crc32(body)) + body


def scan(data: bytes, position: int) -> Iterator[Record]:
    """Yield the records of ``data``, which begins at ``position`` of the log.

    Ends at the first place that holds no whole and undamaged record.
    """
    view = memoryview(data)
    offset = 0
    while offset + HEADER.size <= len(data):
        crc, fingerprint_id, duration, count, kind = HEADER.unpack_from(data, offset)
        end = offset + HEADER.size + 4 * count
        if kind not in _KINDS or end > len(data) or zlib.crc32(view[offset + 4 : end]) != crc:
            return
        words = np.frombuffer(data, dtype="<u4", count=count, offset=offset + HEADER.size)
        yield Record(position + offset, position + end, kind, fingerprint_id, duration, words)
        offset = end


def packed_terms(kind: int, words: Hashes) -> NDArray[np.uint32]:
    """Return the terms ``uint32[m]`` under which a record is found, as the index keeps them."""
    if kind == FINGERPRINT:
        return spread(query_terms(words) >> TERM_SHIFT)
    return distinct_terms(words)


def spread(terms: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Return other numbers of 28 bits for terms without low bits ``uint32[m]``, one for each.

    Some bits of a hash depend on others, so that its top bits have few of the values that they
    could have: nine of ten entries of a directory over them would be empty, the others long. The
    top bits of these numbers have all values alike. The kernels in C know them too (``terms.c``).
    """
    folded = terms ^ (terms >> _FOLD)
    numbers: NDArray[np.uint32] = (folded * _FACTOR) & _TERM_MASK
    return numbers


def distinct_terms(terms: Hashes) -> NDArray[np.uint32]:
    """Return ``uint32[m]``, rising and distinct, as the index keeps them."""
    packed = np.sort(spread(terms >> TERM_SHIFT))
    if len(packed) > 1:
        repeated = packed[1:] == packed[:-1]
        if repeated.any():
            packed = np.concatenate((packed[:1], packed[1:][~repeated]))
    return packed
