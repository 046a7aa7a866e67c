"""Writing a segment: from documents and their terms, or piece by piece in a merge."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from fpservice.index.layout import sync_directory
from fpservice.index.segment_layout import (
    ARRAYS,
    TERM_BITS,
    SegmentShape,
    directory_bits,
)

Uint32s = NDArray[np.uint32]
_LOCAL_MASK = np.uint64(0xFFFF_FFFF)
_TERM_SHIFT = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Documents:
    """Documents of a segment to be: ids uint32[n], positions in the log, durations in seconds."""

    ids: Uint32s
    positions: NDArray[np.uint64]
    durations: NDArray[np.uint16]


class SegmentWriter:
    """Writes a segment file; postings come in rising order, in as many pieces as one likes."""

    def __init__(self, path: Path, documents: Documents, most_postings: int) -> None:
        """Begin a file for documents, by rising id, that have at most so many postings."""
        self._path = path
        self._documents = documents
        bits = directory_bits(len(documents.ids), most_postings)
        self._shape = SegmentShape(len(documents.ids), 0, bits, ())
        self._starts = np.zeros((1 << bits) + 1, dtype=np.uint32)
        self._written = 0
        self._crc = 0
        self._file = path.open("wb")
        self._file.seek(self._shape.offsets()[4])

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the file, and remove it if it was not finished."""
        self._file.close()
        if error is not None:
            self._path.unlink(missing_ok=True)

    def write(self, terms: Uint32s, local: Uint32s) -> None:
        """Write postings: terms uint32[n] and local numbers uint32[n], rising as pairs."""
        entries = terms >> np.uint32(TERM_BITS - self._shape.bits)
        if len(entries):
            first = int(entries[0])
            counts = np.bincount(entries - np.uint32(first))
            self._starts[first + 1 : first + 1 + len(counts)] += counts.astype(np.uint32)
        postings = (terms << np.uint32(self._shape.local_bits)) | local
        data = postings.astype("<u4", copy=False)
        self._crc = zlib.crc32(data.data, self._crc)
        self._file.write(data.data)
        self._written += len(data)

    def finish(self) -> int:
        """Write the rest, durably; return the number of documents."""
        np.cumsum(self._starts, out=self._starts)
        documents = self._documents
        arrays: list[NDArray[Any]] = [documents.ids, documents.positions, documents.durations]
        arrays.append(self._starts)
        checksums = [self._write_array(which, array) for which, array in enumerate(arrays)]
        shape = self._shape._replace(postings=self._written, checksums=(*checksums, self._crc))
        self._file.truncate(shape.offsets()[-1])
        self._file.seek(0)
        self._file.write(shape.pack())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        sync_directory(self._path.parent)
        return shape.documents

    def _write_array(self, which: int, array: NDArray[Any]) -> int:
        data = np.ascontiguousarray(array, dtype=ARRAYS[which][1])
        self._file.seek(self._shape.offsets()[which])
        self._file.write(data.data)
        return zlib.crc32(data.data)


def write_segment(path: Path, documents: Documents, owners: Uint32s, terms: Uint32s) -> None:
    """Write a segment of documents with distinct ids in any order, durably.

    ``owners`` uint32[m] says which document each of ``terms`` uint32[m] belongs to; no document
    has a term twice.
    """
    order = np.argsort(documents.ids, kind="stable")
    place = np.empty(len(order), dtype=np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    keys = sorted_keys(terms, place[owners])
    in_order = Documents(
        documents.ids[order], documents.positions[order], documents.durations[order]
    )
    with SegmentWriter(path, in_order, len(terms)) as writer:
        writer.write(*split_keys(keys))
        writer.finish()


def sorted_keys(terms: Uint32s, local: Uint32s) -> NDArray[np.uint64]:
    """Return pairs as uint64[n], rising by term, then by local number."""
    keys = terms.astype(np.uint64)
    keys <<= _TERM_SHIFT
    keys |= local
    keys.sort()
    return keys


def split_keys(keys: NDArray[np.uint64]) -> tuple[Uint32s, Uint32s]:
    """Return the terms and local numbers that were joined."""
    return (keys >> _TERM_SHIFT).astype(np.uint32), (keys & _LOCAL_MASK).astype(np.uint32)
