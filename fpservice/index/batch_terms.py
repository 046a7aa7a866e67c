"""Query terms of many fingerprints at once, for building."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fpservice import kernels
from fpservice.domain.fingerprint import Hashes
from fpservice.domain.index_query import MAX_START, MAX_TERMS, SILENCE, query_terms
from fpservice.index.record import TERM_SHIFT, spread
from fpservice.kernels import NativeKernels

Uint32s = NDArray[np.uint32]
# Most hashes differ, so so many nearly always hold all the terms of a fingerprint.
_WIDTH: Final = 160
_COLUMN_BITS: Final = np.uint64(8)
_NOTHING: Final = np.uint64(2**64 - 1)
# Tables of so many fingerprints stay in the processor's cache.
_GROUP: Final = 256


def batch_terms(batch: Sequence[Hashes]) -> tuple[Uint32s, Uint32s]:
    """Return (owners uint32[m], terms uint32[m]): which fingerprint of the batch has which term.

    The terms are those of :func:`query_terms`, as the index keeps them; a fingerprint's come in no
    particular order.
    """
    owners, terms = _packed(batch)
    return owners, spread(terms)


def _packed(batch: Sequence[Hashes]) -> tuple[Uint32s, Uint32s]:
    native = kernels.native
    if native is not None:
        return _one_by_one(batch, native)
    owners, terms = [], []
    for start in range(0, len(batch), _GROUP):
        owner, term = _group_terms(batch[start : start + _GROUP])
        owners.append(owner + np.uint32(start))
        terms.append(term)
    if not owners:
        return np.empty(0, dtype=np.uint32), np.empty(0, dtype=np.uint32)
    return np.concatenate(owners), np.concatenate(terms)


def _one_by_one(batch: Sequence[Hashes], native: NativeKernels) -> tuple[Uint32s, Uint32s]:
    found = [native.query_terms(np.ascontiguousarray(one, dtype=np.uint32)) for one in batch]
    numbers = [len(terms) // TERM_SHIFT.itemsize for terms in found]
    owners = np.repeat(np.arange(len(batch), dtype=np.uint32), numbers)
    return owners, np.frombuffer(b"".join(found), dtype=np.uint32) >> TERM_SHIFT


def _group_terms(group: Sequence[Hashes]) -> tuple[Uint32s, Uint32s]:
    lengths = np.array([len(hashes) for hashes in group])
    table, starts = _windows(group, lengths)
    keep = _first_distinct(table)
    # Where the window was too narrow, the fingerprint is done alone.
    narrow = (np.count_nonzero(keep, axis=1) < MAX_TERMS) & (starts + _WIDTH < lengths)
    keep[narrow] = False
    owners = [np.nonzero(keep)[0].astype(np.uint32)]
    terms = [(table[keep] >> _COLUMN_BITS).astype(np.uint32)]
    for row in np.flatnonzero(narrow).tolist():
        terms.append(query_terms(group[row]) >> TERM_SHIFT)
        owners.append(np.full(len(terms[-1]), row, dtype=np.uint32))
    return np.concatenate(owners), np.concatenate(terms)


def _windows(
    group: Sequence[Hashes], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the terms where the query begins, above their column, and where it begins."""
    flat = np.concatenate([*group, np.zeros(1, dtype=np.uint32)])
    ends = lengths.cumsum()
    sounding = np.diff(np.concatenate(([0], (flat != SILENCE).cumsum()))[[0, *ends.tolist()]])
    starts = np.clip(sounding - MAX_TERMS, 0, MAX_START)
    columns = np.arange(_WIDTH)
    place = (ends - lengths + starts)[:, None] + columns
    inside = place < ends[:, None]
    hashes = flat[np.where(inside, place, len(flat) - 1)]
    keys = (hashes >> TERM_SHIFT).astype(np.uint64) << _COLUMN_BITS
    keys |= columns.astype(np.uint64)
    keys[~inside | (hashes == SILENCE)] = _NOTHING
    return keys, starts


def _first_distinct(table: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which keys of each row are the first of their term, 120 at most."""
    ordered = np.sort(table, axis=1)
    terms = ordered >> _COLUMN_BITS
    first = ordered != _NOTHING
    first[:, 1:] &= terms[:, 1:] != terms[:, :-1]
    keep = np.zeros(table.shape, dtype=np.bool_)
    rows = np.nonzero(first)[0]
    keep[rows, (ordered[first] & np.uint64(0xFF)).astype(np.intp)] = True
    keep &= keep.cumsum(axis=1) <= MAX_TERMS
    return keep
