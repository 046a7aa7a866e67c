"""What fuzzing begins with: the golden files, in the form that each target reads."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np

from fpservice.domain import fingerprint
from fpservice.domain.errors import InvalidFingerprintError
from fpservice.domain.index_query import query_terms
from fpservice.index import record
from fpservice.interfaces import IndexDelete, StoredFingerprint
from tests.kernels import golden_rows

_MOST: Final = 60


def write(name: str, folder: Path) -> None:
    """Write the seeds of a target, a file each."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(_MAKERS[name]()):
        (folder / f"golden-{number:03}").write_bytes(data)


def _hashes() -> Iterator[fingerprint.Hashes]:
    for row in golden_rows("extract_query")[:_MOST]:
        yield fingerprint.decode(row["fingerprint"])


def _big_endian(hashes: fingerprint.Hashes) -> bytes:
    return hashes.astype(">u4").tobytes()


def _codec() -> Iterator[bytes]:
    for row in golden_rows("codec"):
        text = row["encoded"].encode()
        yield b"\0" + text
        try:
            count = len(fingerprint.decode(row["encoded"]))
        except InvalidFingerprintError:
            continue
        data = base64.urlsafe_b64decode(text.rstrip(b"\r\n=") + b"===")
        if count <= 256:
            yield bytes([1, count - 1]) + data[4:]
    for hashes in _hashes():
        yield b"\2\0" + _big_endian(hashes[:100])


def _terms() -> Iterator[bytes]:
    for hashes in _hashes():
        yield b"\0" + _big_endian(hashes[:700])


def _compare() -> Iterator[bytes]:
    for hashes in _hashes():
        keys = (hashes >> np.uint32(24)).astype(np.uint8)
        for offset in (0, 3, 80):
            own, other = keys[:60].tobytes(), keys[offset : offset + 190].tobytes()
            yield bytes([offset, 255, 60, offset % 50]) + own + other


def _segments() -> Iterator[bytes]:
    for number, hashes in enumerate(_hashes()):
        some = (query_terms(hashes) >> np.uint32(9)).astype(np.uint8).tobytes()
        yield bytes([number % 2]) + (some * 4)[: 80 + 8 * number]


def _delta() -> Iterator[bytes]:
    for hashes in _hashes():
        yield hashes[:250].astype("<u4").tobytes()


def _records() -> Iterator[bytes]:
    header = bytes(8) + b"FPXLOG01" + bytes(8)
    for number, hashes in enumerate(_hashes(), 1):
        one = StoredFingerprint(number, 200, hashes[: 5 * number])
        yield header + record.encode(one) + record.encode(one)


def _journal() -> Iterator[bytes]:
    for number, hashes in enumerate(_hashes(), 1):
        one = record.encode(StoredFingerprint(number, 200, hashes[: 5 * number]))
        yield bytes([number % 4]) + one + record.encode(IndexDelete(number)) + one


_MAKERS: Final[dict[str, Callable[[], Iterator[bytes]]]] = {
    "codec": _codec,
    "compare": _compare,
    "delta": _delta,
    "journal": _journal,
    "records": _records,
    "segments": _segments,
    "terms": _terms,
}
