"""The Chromaprint codec: between the text that fpcalc prints and an array of 32-bit hashes.

Text is URL-safe base64 of: one byte algorithm version, three bytes hash count (big-endian), then
3-bit numbers packed least significant bit first and padded to a byte, then 5-bit numbers packed the
same way. Hash k is coded as its XOR with hash k-1: the distances between its set bits, counted from
1 and ended by a 0; a distance of 7 or more is a 7 plus the rest as a 5-bit number.

Source of the format: Chromaprint 1.x, ``fingerprint_compressor`` (as fpcalc writes it).
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice import kernels
from fpservice.domain.errors import InvalidFingerprintError

Hashes = NDArray[np.uint32]

ALGORITHM: Final = 1
MAX_HASHES: Final = 65_535
HASH_BITS: Final = 32
_STORED: Final = np.dtype("<u4")
_HEADER: Final = 4
_ESCAPE: Final = 7
# "+" and "/" belong to the other base64 alphabet: mapped to a character that no alphabet knows.
_TO_STANDARD: Final = str.maketrans("-_+/", "+/**")
_WEIGHTS_3: Final = np.array([1, 2, 4], dtype=np.uint8)
_WEIGHTS_5: Final = np.array([1, 2, 4, 8, 16], dtype=np.uint8)


def decode(text: str, max_hashes: int = MAX_HASHES) -> Hashes:
    """Return the hashes of an encoded fingerprint as ``uint32[n]``, n >= 1.

    Work and memory are bounded by the length of the text, never by the count it announces.

    Raises:
        InvalidFingerprintError: wrong alphabet or algorithm, too short, too long, hashes missing,
            bytes left over, or a bit position past 32.
    """
    native = kernels.native
    if native is None:
        return _decode(text, max_hashes)
    try:
        return np.frombuffer(native.decode(text, max_hashes), dtype=_STORED)
    except ValueError as error:
        raise InvalidFingerprintError(str(error)) from error


def _decode(text: str, max_hashes: int) -> Hashes:
    version, count, body = _open(text)
    if version != ALGORITHM:
        raise InvalidFingerprintError(f"algorithm {version} is not supported")
    # Each hash takes at least one 3-bit number.
    if not 0 < count <= min(max_hashes, len(body) * 8 // 3):
        raise InvalidFingerprintError(f"{count} hashes announced, which cannot be")
    return _unpack(body, count)


def _open(text: str) -> tuple[int, int, bytes]:
    """Return (algorithm version, announced count, packed numbers)."""
    stripped = text.rstrip("\r\n").rstrip("=")
    try:
        data = binascii.a2b_base64(
            stripped.translate(_TO_STANDARD) + "=" * (-len(stripped) % 4), strict_mode=True
        )
    except (binascii.Error, ValueError) as error:
        raise InvalidFingerprintError("not URL-safe base64") from error
    if len(data) < _HEADER:
        raise InvalidFingerprintError("shorter than its header")
    return data[0], int.from_bytes(data[1:_HEADER], "big"), data[_HEADER:]


def _unpack(body: bytes, count: int) -> Hashes:
    raw = np.frombuffer(body, dtype=np.uint8)
    numbers = _groups(raw, 3, _WEIGHTS_3)
    ends = np.flatnonzero(numbers == 0)[:count]
    if len(ends) < count:
        raise InvalidFingerprintError("fewer hashes than announced")
    numbers = numbers[: int(ends[-1]) + 1]
    escapes = np.flatnonzero(numbers == _ESCAPE)
    start = (len(numbers) * 3 + 7) // 8
    if start + (len(escapes) * 5 + 7) // 8 != len(raw):
        raise InvalidFingerprintError("bytes missing or left over behind the last hash")
    distances = numbers.astype(np.int32)
    if len(escapes):
        distances[escapes] += _groups(raw[start:], 5, _WEIGHTS_5)[: len(escapes)]
    return _hashes(distances, ends)


def _groups(raw: NDArray[np.uint8], width: int, weights: NDArray[np.uint8]) -> NDArray[np.uint8]:
    bits = np.unpackbits(raw, bitorder="little")
    whole = len(bits) // width
    groups: NDArray[np.uint8] = bits[: whole * width].reshape(whole, width) @ weights
    return groups


def _hashes(distances: NDArray[np.int32], ends: NDArray[np.intp]) -> Hashes:
    """Return the hashes whose bit distances, each run closed by a 0 at ``ends``, are given."""
    reached = np.cumsum(distances)
    lengths = np.diff(ends, prepend=-1)
    before = np.concatenate((np.zeros(1, dtype=reached.dtype), reached[ends[:-1]]))
    positions = reached - np.repeat(before, lengths)
    if int(positions.max(initial=0)) > HASH_BITS:
        raise InvalidFingerprintError("a bit position past 32")
    # Bit 0 of each value stands for "no bit" (the closing 0 of an empty hash) and is shifted out;
    # the closing number repeats the last position and must not count twice.
    values = np.left_shift(np.uint64(1), positions.astype(np.uint64))
    values[ends] = 0
    deltas = (np.add.reduceat(values, ends - lengths + 1) >> np.uint64(1)).astype(np.uint32)
    return np.bitwise_xor.accumulate(deltas)


def encode(hashes: Hashes, version: int = ALGORITHM) -> str:
    """Return the text that fpcalc would print for ``uint32[n]``, n < 2**24.

    The exact inverse of :func:`decode`.
    """
    items = np.ascontiguousarray(hashes, dtype=_STORED)
    native = kernels.native
    return _encode(items, version) if native is None else native.encode(items, version)


def _encode(items: Hashes, version: int) -> str:
    deltas = items.copy()
    deltas[1:] ^= items[:-1]
    bits = np.unpackbits(deltas.view(np.uint8).reshape(-1, 4), axis=1, bitorder="little")
    row, column = np.nonzero(bits)
    position = column.astype(np.int32) + 1
    first = np.diff(row, prepend=-1) != 0
    distance = np.where(first, position, np.diff(position, prepend=0))
    # One closing 0 after each row: distances move right by the number of rows before them.
    numbers = np.zeros(len(distance) + len(items), dtype=np.int32)
    numbers[np.arange(len(distance)) + row] = distance
    escaped = numbers[numbers >= _ESCAPE] - _ESCAPE
    header = bytes([version]) + len(items).to_bytes(3, "big")
    packed = _pack(np.minimum(numbers, _ESCAPE), 3) + _pack(escaped, 5)
    return base64.urlsafe_b64encode(header + packed).decode("ascii").rstrip("=")


def _pack(numbers: NDArray[np.int32], width: int) -> bytes:
    octets = numbers.astype(np.uint8).reshape(-1, 1)
    bits = np.unpackbits(octets, axis=1, bitorder="little")[:, :width]
    return np.packbits(bits.reshape(-1), bitorder="little").tobytes()


def to_bytes(hashes: Hashes) -> bytes:
    """Return the stored form: little-endian uint32."""
    return hashes.astype("<u4", copy=False).tobytes()


def from_bytes(data: bytes | memoryview) -> Hashes:
    """Return a read-only ``uint32[n]`` view of the stored form.

    Raises:
        InvalidFingerprintError: the length is no multiple of four.
    """
    if len(data) % 4:
        raise InvalidFingerprintError("stored fingerprint is cut off")
    return np.frombuffer(data, dtype="<u4")


def from_signed(numbers: list[int]) -> Hashes:
    """Return hashes from signed or unsigned 32-bit integers, as JSON and the dumps write them.

    Raises:
        InvalidFingerprintError: a value is no 32-bit integer.
    """
    try:
        wide = np.array(numbers, dtype=np.int64)
    except (OverflowError, TypeError, ValueError) as error:
        raise InvalidFingerprintError("not a list of integers") from error
    if wide.ndim != 1 or (len(wide) and (wide.min() < -(2**31) or wide.max() >= 2**32)):
        raise InvalidFingerprintError("an item does not fit into 32 bits")
    return wide.astype(np.uint32)


def to_signed(hashes: Hashes) -> list[int]:
    """Return the hashes as signed 32-bit integers."""
    signed: list[int] = hashes.astype(np.uint32).view(np.int32).tolist()
    return signed


def simhash(hashes: Hashes) -> int:
    """Return the 32-bit SimHash: bit i is set if more than half of the hashes have it."""
    octets = np.ascontiguousarray(hashes, dtype="<u4").view(np.uint8).reshape(-1, 4)
    bits = np.unpackbits(octets, axis=1, bitorder="little")
    majority = bits.sum(axis=0, dtype=np.int64) * 2 > len(octets)
    return int.from_bytes(np.packbits(majority, bitorder="little").tobytes(), "little")


def distinct(hashes: Hashes) -> int:
    """Return the number of distinct hashes."""
    return len(np.unique(hashes))
